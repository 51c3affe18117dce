"""What a run asks of the outside: four requests, and the one answer that a call has.

A flow is a generator that yields requests and is sent their answers. It decides everything; a driver only performs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from hypergraph.engine.stretches import Stretch

__all__ = ["Ask", "Call", "Flow", "Outcome", "Together"]


class Outcome:
    """What a call came to: a value, or an error. Never thrown, since a node may raise anything, StopIteration included.

    Attributes:
        shared: another call with the same cache key brought it about; the value is in the cache by then.
    """

    __slots__ = ("error", "shared", "value")

    def __init__(self, value: Any = None, error: BaseException | None = None, *, shared: bool = False) -> None:
        self.value = value
        self.error = error
        self.shared = shared

    def __repr__(self) -> str:
        return f"Outcome(error={self.error!r})" if self.error is not None else f"Outcome({self.value!r})"


class Call:
    """Call this function; the answer is an `Outcome`. This is the only request that takes from the concurrency budget.

    Attributes:
        func, args, kwargs: the call.
        awaits: the result is a coroutine, to be awaited.
        drains: the result is a generator (with `awaits` an async one), to be listed.
        once: a cache key; concurrent calls with one key run once and share the outcome.
        free: takes nothing from the budget, because what is called takes its own.
    """

    __slots__ = ("args", "awaits", "drains", "free", "func", "kwargs", "once")

    def __init__(
        self,
        func: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        awaits: bool = False,
        drains: bool = False,
        *,
        once: str | None = None,
        free: bool = False,
    ) -> None:
        self.func = func
        self.args = args
        self.kwargs = kwargs
        self.awaits = awaits
        self.drains = drains
        self.once = once
        self.free = free


class Together:
    """Run these flows, at once where the driver can. What they come to is kept by whoever made them: there is no answer.

    Attributes:
        flows: an iterable that is read only as far as flows are being run: a million items cost what is in flight.
        until: given each result, tells whether the rest is to be left (and what runs, cancelled); None runs all.
    """

    __slots__ = ("flows", "until")

    def __init__(self, flows: Iterable[Flow], *, until: Callable[[Any], bool] | None = None) -> None:
        self.flows = flows
        self.until = until


class Ask:
    """Ask the store for this operation, by the name that its async face has; an error is thrown into the flow."""

    __slots__ = ("args", "kwargs", "operation")

    def __init__(self, operation: str, *args: Any, **kwargs: Any) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs


Request: TypeAlias = "Call | Together | Ask | Stretch"
Flow: TypeAlias = "Generator[Call | Together | Ask | Stretch, Any, Any]"
