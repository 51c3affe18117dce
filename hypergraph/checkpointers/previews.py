"""Looking at a stored value without building it: what it is, how large, and the beginning of its text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypergraph._text import fix, shorten
from hypergraph.checkpointers.queries.context import Context, Operation
from hypergraph.checkpointers.values import frames
from hypergraph.exceptions import CheckpointError

__all__ = ["ValuePreview", "value_preview"]

# A stored value of more than this is not parsed here: its beginning is shown as it stands.
_PARSED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ValuePreview:
    """What can be shown of a value at once.

    Attributes:
        kind: the type's name, as far as the stored form tells ("list", "datetime", "module:Class").
        size: bytes of the stored form.
        items: number of items of a collection.
        text: the beginning of the value's text.
        truncated: there is more.
        keys: names or indices that can be gone into, the first thousand.
    """

    kind: str
    size: int
    items: int | None
    text: str
    truncated: bool
    keys: tuple[str | int, ...] = ()


def value_preview(
    _: Context, run_id: str, superstep: int, node_name: str, name: str, *, path: Sequence[str | int] = (), limit: int = 2048
) -> Operation[ValuePreview]:
    """Give a preview of one output of a step, or of what stands at `path` inside it. Nothing is rebuilt: no class of the value is needed.

    Raises:
        CheckpointError: there is no such step, output or path.
    """
    rows = yield (
        "SELECT s.data, s.run, s.node FROM steps s JOIN runs r ON r.key = s.run JOIN nodes n ON n.key = s.node "
        "WHERE r.id = ? AND s.superstep = ? AND n.name = ?",
        (run_id, superstep, node_name),
    )
    if not rows:
        raise CheckpointError(f"Run {run_id!r} has no step {node_name!r} in superstep {superstep}." + fix("Look it up with steps(run_id)"))
    data, run, node = rows[0]
    large = yield (
        "SELECT b.size, b.data FROM large_values l JOIN blobs b ON b.key = l.blob WHERE l.run = ? AND l.superstep = ? AND l.node = ? "
        "AND l.name = ?",
        (run, superstep, node, name),
    )
    if large:
        return _of_large(large[0][0], large[0][1], path, limit)
    raw = data.encode() if isinstance(data, str) else data or b"{}"
    if raw[:1] in (b"\x01", b"\x80"):
        return _of_foreign(raw, name, limit)
    tree = json.loads(raw.decode("utf-8", "surrogatepass"))
    if not isinstance(tree, dict) or name not in tree:
        raise CheckpointError(f"Step {node_name!r} has no output {name!r}." + fix(f"It has {', '.join(map(repr, tree)) or 'none'}"))
    return _of_tree(_at(tree[name], path), limit)


def _of_large(size: int, data: bytes, path: Sequence[str | int], limit: int) -> ValuePreview:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(data) as stream:
        head = stream.read(min(size, _PARSED_BYTES if path or size <= _PARSED_BYTES else limit))
    if path:
        raise CheckpointError("A value of more than 1 MiB is shown from its beginning only." + fix("Load it with checkpointer.values()"))
    kind = {ord("["): "list", ord("{"): "dict", ord('"'): "str"}.get(head[0] if head else 0, "value")
    return ValuePreview(kind, size, None, head[:limit].decode("utf-8", "replace"), size > limit)


def _of_foreign(raw: bytes, name: str, limit: int) -> ValuePreview:
    parts = dict(frames(raw)) if raw[:1] == b"\x01" else {name: raw}
    part = parts.get(name, b"")
    if part[:1] == b"\x80":
        return ValuePreview("pickle", len(part), None, "a pickle, which is not opened here", False)
    text = part[:limit].decode("utf-8", "replace")
    return ValuePreview("bytes", len(part), None, text, len(part) > limit)


def _at(tree: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        inner = _members(tree)
        if step not in inner:
            raise CheckpointError(f"The value has nothing at {step!r}." + fix("Look at the preview's keys"))
        tree = inner[step]
    return tree


def _members(tree: Any) -> dict[str | int, Any]:
    """Give what can be gone into, whichever tag it stands under."""
    if isinstance(tree, list):
        return dict(enumerate(tree))
    if not isinstance(tree, dict):
        return {}
    tag, content = _tagged(tree)
    if tag is None:
        return dict(tree)
    if tag in ("$tuple", "$set", "$frozenset", "$deque"):
        return dict(enumerate(content[0] if tag == "$deque" else content))
    if tag in ("$map", "$ordered", "$counter", "$defaultdict"):
        pairs = content[1] if tag == "$defaultdict" else content
        return {key if isinstance(key, (str, int)) else json.dumps(key): item for key, item in pairs}
    if tag in ("$object", "$namedtuple", "$model"):
        fields = content[1]["fields"] if tag == "$model" else content[1]
        return dict(fields) if isinstance(fields, dict) else {key: item for key, item in fields}  # noqa: C416  pairs are lists
    return {}


def _tagged(tree: dict[str, Any]) -> tuple[str | None, Any]:
    if len(tree) == 1:
        ((key, content),) = tree.items()
        if key.startswith("$"):
            return key, content
    return None, None


def _of_tree(tree: Any, limit: int) -> ValuePreview:
    tag: str | None = None
    content: Any = None
    if isinstance(tree, dict):
        tag, content = _tagged(tree)
    kind = type(tree).__name__
    if tag in ("$object", "$model", "$namedtuple", "$enum") or tag == "$table":
        kind = str(content[0])
    elif tag is not None:
        kind = {"$map": "dict", "$ordered": "OrderedDict", "$counter": "Counter"}.get(tag, tag[1:])
    members = _members(tree)
    size = len(json.dumps(tree))
    if tag == "$table":
        text = f"{content[0]} {content[1] if len(content) > 2 and isinstance(content[1], str) else ''}".strip()
    else:
        text = tree if isinstance(tree, str) else json.dumps(content if tag is not None else tree, ensure_ascii=False)
    is_collection = bool(members) or (isinstance(tree, (list, dict)) and tag is None)
    return ValuePreview(
        kind, size, len(members) if is_collection else None, shorten(text, limit), len(text) > limit, tuple(list(members)[:1000])
    )
