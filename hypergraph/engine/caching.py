"""The key under which a node's result is cached: its definition, what its function carries with it, and its inputs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from hypergraph._captured import hash_captured
from hypergraph._hashing import compute_cache_key

__all__ = ["cache_key"]


def cache_key(node: Any, values: Sequence[Any]) -> str:
    """Give the key of one call, or "" when an input cannot be hashed; renaming a node or its ports changes nothing."""
    code = node.code
    inputs = {param.name: value for param, value in zip(code.parameters, values, strict=True)}
    captured = hash_captured(code.func)
    key = compute_cache_key(node.definition_hash, inputs, captured=captured) if captured is not None else ""
    if not key:
        # The standard registry of warnings sees to it that each node says this once.
        warnings.warn(f"Node {node.name!r} has cache=True, but its inputs cannot be hashed; it runs uncached.", UserWarning, stacklevel=2)
    return key
