"""Both runners behind one face, so that a test is written once and neither can drift."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hypergraph import AsyncRunner, SyncRunner

__all__ = ["Both", "both"]


class Both:
    """Calls a runner; what the asynchronous one gives is awaited."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._made: Any = SyncRunner if name == "sync" else AsyncRunner
        self._options: dict[str, Any] = {}

    def having(self, **options: Any) -> Both:
        """Give the same runner with these constructor options."""
        new = Both(self.name)
        new._options = {**self._options, **options}
        new._runner = new._made(**new._options)
        return new

    _runner: Any = None

    @property
    def runner(self) -> Any:
        """The runner itself."""
        if self._runner is None:
            self._runner = self._made(**self._options)
        return self._runner

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call run()."""
        return self._settle(lambda: self.runner.run(*args, **kwargs))

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Call map()."""
        return self._settle(lambda: self.runner.map(*args, **kwargs))

    def map_iter(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Call map_iter() and list what it gives."""
        if self.name == "sync":
            return list(self.runner.map_iter(*args, **kwargs))

        async def collect() -> list[Any]:
            return [pair async for pair in self.runner.map_iter(*args, **kwargs)]

        return asyncio.run(collect())

    def forecast(self, *args: Any, **kwargs: Any) -> Any:
        """Call forecast()."""
        return self._settle(lambda: self.runner.forecast(*args, **kwargs))

    def _settle(self, call: Callable[[], Any]) -> Any:
        if self.name == "sync":
            return call()

        async def settle() -> Any:
            return await call()

        return asyncio.run(settle())


both = pytest.mark.parametrize("runner", [Both("sync"), Both("async")], ids=["sync", "async"])
"""Run a test with each of the two."""
