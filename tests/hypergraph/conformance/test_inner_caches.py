"""Caches inside a node's own code are reported where the optional hypercache package is there."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hypergraph import AsyncRunner, Graph, InnerCacheEvent, NodeStartEvent, SyncRunner, node
from tests.hypergraph.both import Both, both


class Heard:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_event(self, event: Any) -> None:
        self.events.append(event)

    def shutdown(self) -> None:
        pass


Ask = Callable[[str], None]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Stand in for the package: a cache that tells whoever observes it in this context."""
    observer: ContextVar[Callable[[Any], None] | None] = ContextVar("observer", default=None)

    @contextmanager
    def observe_cache(tell: Callable[[Any], None]) -> Iterator[None]:
        token = observer.set(tell)
        try:
            yield
        finally:
            observer.reset(token)

    def asked(operation: str) -> None:
        tell = observer.get()
        if tell is not None:
            tell(
                SimpleNamespace(instance="store", operation=operation, hit=True, stale=False, refreshing=False, wrote=False, mode="normal")
            )

    package = ModuleType("hypercache")
    package.observe_cache = observe_cache  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hypercache", package)
    return asked


def inner(heard: Heard) -> list[InnerCacheEvent]:
    return [event for event in heard.events if isinstance(event, InnerCacheEvent)]


@both
def test_a_cache_inside_a_node_is_told_below_the_nodes_span(runner: Both, ask: Ask) -> None:
    """All that the package says is in the event."""

    @node(output_name="y")
    def look(x: int) -> int:
        ask("fetch")
        return x

    heard = Heard()
    runner.run(Graph([look], name="g"), x=1, event_processors=[heard])
    (event,) = inner(heard)
    (start,) = [event for event in heard.events if isinstance(event, NodeStartEvent)]
    assert event.parent_span_id == start.span_id
    assert (event.node_name, event.graph_name, event.instance, event.operation) == ("look", "g", "store", "fetch")
    assert (event.hit, event.stale, event.refreshing, event.wrote, event.mode) == (True, False, False, False, "normal")
    assert event.run_id == start.run_id


@both
def test_a_generator_is_read_while_it_is_observed(runner: Both, ask: Ask) -> None:
    """Its body runs only then."""

    @node(output_name="y")
    def look(x: int) -> Iterator[int]:
        ask("first")
        yield x
        ask("second")

    heard = Heard()
    assert runner.run(Graph([look]), x=1, event_processors=[heard])["y"] == [1]
    assert [event.operation for event in inner(heard)] == ["first", "second"]


async def test_awaited_nodes_and_async_generators_are_observed(ask: Ask) -> None:
    """Each sees its own observer, also side by side."""

    @node(output_name="y")
    async def one(x: int) -> int:
        ask("one")
        return x

    @node(output_name="z")
    async def two(x: int) -> AsyncIterator[int]:
        yield x
        ask("two")

    heard = Heard()
    await AsyncRunner().run(Graph([one, two]), x=1, event_processors=[heard])
    assert sorted((event.node_name, event.operation) for event in inner(heard)) == [("one", "one"), ("two", "two")]


def test_without_a_listener_nothing_observes(ask: Ask) -> None:
    """A run that nobody hears costs nothing more."""

    @node(output_name="y")
    def look(x: int) -> int:
        ask("fetch")
        return x

    assert SyncRunner().run(Graph([look]), x=1)["y"] == 1
