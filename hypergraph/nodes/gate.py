"""Gates: nodes that decide which nodes run next, and `END`, the decision to run no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, final

from hypergraph._hashing import hash_text
from hypergraph._text import did_you_mean, fix, quoted
from hypergraph.nodes._callable import CallableInfo
from hypergraph.nodes.callable_node import CallableNode
from hypergraph.nodes.function import read_source

__all__ = ["END", "Decision", "GateNode", "IfElseNode", "RouteNode", "ifelse", "route"]

# What a gate decided: a target, END, several targets, or nothing.
Decision = str | list[str] | None

_END_TEXT = "__hg_end__"


@final
class _End(str):
    """The type of `END`; compare with `is`, since a text of the same letters is not the sentinel."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "END"

    def __str__(self) -> str:
        return "END"

    def __copy__(self) -> _End:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _End:
        return self

    def __reduce__(self) -> str:
        # A global's name: pickle then gives the one object back.
        return "END"


END: _End = _End(_END_TEXT)
"""The decision to end: no target of the gate runs. A text that reads the same is refused, so that no model output ends a run."""


class GateNode(CallableNode):
    """What `RouteNode` and `IfElseNode` share: a function that decides, and the targets that it decides between."""

    is_gate = True

    _targets: tuple[str, ...]
    _descriptions: Mapping[Any, str]
    _default_open: bool
    _fallback: str | None
    _multi_target: bool

    def _make(self, func: Any, name: str | None, **options: Any) -> None:
        info = read_source(func)
        _check_kind(info)
        self._fill(info, name, (), **options)

    @property
    def targets(self) -> list[str]:
        """The nodes that it decides between, and END if that is one of the ways out; a fresh list."""
        return list(self._targets)

    @property
    def descriptions(self) -> dict[Any, str]:
        """What each decision means, in words; a fresh dict."""
        return dict(self._descriptions)

    @property
    def default_open(self) -> bool:
        """True when a target may run before the gate has ever decided."""
        return self._default_open

    @property
    def fallback(self) -> str | None:
        """The target that None stands for, or None."""
        return self._fallback

    @property
    def multi_target(self) -> bool:
        """True when it decides for a list of targets."""
        return self._multi_target

    @cached_property
    def definition_hash(self) -> str:
        """SHA-256 of the function's definition and the targets; renames leave it as it is."""
        ways = [f"{target!r}" for target in self._targets]
        return hash_text(repr((self._info.definition_hash, ways, repr(self._fallback), self._multi_target)))

    def decide(self, raw: Any) -> Decision:
        """Turn what the function returned into a decision.

        Raises:
            TypeError: it has the wrong type.
            ValueError: it names no target.
        """
        raise NotImplementedError

    def _identity(self) -> tuple[Any, ...]:
        options = (self._targets, dict(self._descriptions), self._default_open, self._fallback, self._multi_target)
        return (*super()._identity(), *options)

    __hash__ = CallableNode.__hash__

    def __repr__(self) -> str:
        return f"{self.node_type}({self._title()}, targets={self.targets!r})"


class RouteNode(GateNode):
    """A gate that names the node to run next.

    Args:
        func: the deciding function; returns a target, END, None, or with `multi_target` a list of targets.
        targets: the targets, as a list or as a dict target -> description; END among them if it is a way out.
        fallback: the target that None stands for.
        multi_target: the function returns a list of targets.
        cache: replay decisions from the runner's cache.
        hide: leave it out of drawings.
        default_open: targets may run before the gate has ever decided.
        name: the node's name; the function's by default.
        rename_inputs: parameter name -> input name.
        emit: ordering signals that it gives when it completes.
        wait_for: names that must have been produced before it runs.

    Raises:
        TypeError: the function is async or a generator.
        ValueError: no targets, `fallback` with `multi_target`, or "END" as a text.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        targets: Sequence[str] | Mapping[str, str],
        *,
        fallback: str | None = None,
        multi_target: bool = False,
        cache: bool = False,
        hide: bool = False,
        default_open: bool = True,
        name: str | None = None,
        rename_inputs: Mapping[str, str] | None = None,
        emit: str | tuple[str, ...] | None = None,
        wait_for: str | tuple[str, ...] | None = None,
    ) -> None:
        title = name or str(getattr(func, "__name__", type(func).__name__))
        ways, descriptions = _read_targets(targets, title)
        if fallback is not None and multi_target:
            raise ValueError(
                f"Gate {title!r} cannot have both fallback and multi_target."
                + fix("Return the list that is meant instead of None", "Or decide for one target: multi_target=False")
            )
        if fallback is not None:
            check_target(fallback, title)
            ways = tuple(dict.fromkeys((*ways, fallback)))
        self._make(
            func,
            name,
            rename_inputs=rename_inputs,
            cache=cache,
            hide=hide,
            emit=emit,
            wait_for=wait_for,
            _targets=ways,
            _descriptions=descriptions,
            _default_open=bool(default_open),
            _fallback=fallback,
            _multi_target=bool(multi_target),
        )

    def decide(self, raw: Any) -> Decision:
        """Turn what the function returned into a decision: a target, END, a list of targets, or None.

        Raises:
            TypeError: a list without `multi_target`, or something else with it.
            ValueError: what was returned, or something in the list, is none of the targets.
        """
        if self._multi_target:
            if raw is None:
                return []
            if not isinstance(raw, list):
                kind = "str" if isinstance(raw, str) else type(raw).__name__
                raise TypeError(
                    f"Gate {self.name!r} has multi_target=True but returned {kind}: {raw!r:.80}."
                    + fix("Return a list of targets, also for one: [target]")
                )
            return list(dict.fromkeys(self._valid(item) for item in raw))
        if raw is None:
            return self._fallback
        if isinstance(raw, (list, tuple, set, frozenset)):
            kind = "a list" if isinstance(raw, list) else f"a {type(raw).__name__}"
            raise TypeError(
                f"Gate {self.name!r} has multi_target=False but returned {kind}: {raw!r:.80}."
                + fix("Return one target", "Or let it choose several: @route(..., multi_target=True)")
            )
        return self._valid(raw)

    def _valid(self, raw: Any) -> str:
        """Give the target that is meant by one returned value."""
        if raw is END or (isinstance(raw, str) and raw != _END_TEXT):
            for target in self._targets:
                if target is raw or (raw is not END and target == raw):
                    return target
        elif isinstance(raw, str):
            raise ValueError(
                f"Gate {self.name!r} returned the text {_END_TEXT!r}, which is not the END sentinel."
                + fix("To end, return END itself: from hypergraph import END")
            )
        names = quoted(target for target in self._targets if target is not END)
        known = ", ".join(part for part in (names, "END" if any(target is END for target in self._targets) else "") if part)
        steps = ["Return one of the valid targets, or add it to targets=[...]"]
        if raw is END:
            steps = ["Add END to the targets: targets=[..., END]"]
        elif raw == "END":
            steps = ["To end, return END itself (from hypergraph import END), not the text"]
        hint = did_you_mean(raw, [str(target) for target in self._targets]) if type(raw) is str else ""
        raise ValueError(f"Gate {self.name!r} returned an invalid target: {raw!r:.80}. Valid targets: {known}.{hint}" + fix(*steps))


class IfElseNode(GateNode):
    """A gate with two branches.

    Args:
        func: the deciding function; returns exactly True or False.
        when_true: the node to run on True, or END.
        when_false: the node to run on False, or END.
        cache: replay decisions from the runner's cache.
        hide: leave it out of drawings.
        default_open: targets may run before the gate has ever decided.
        name: the node's name; the function's by default.
        rename_inputs: parameter name -> input name.
        emit: ordering signals that it gives when it completes.
        wait_for: names that must have been produced before it runs.

    Raises:
        TypeError: the function is async or a generator.
        ValueError: both branches are the same, or one is "END" as a text.
    """

    def __init__(
        self,
        func: Callable[..., bool],
        when_true: str,
        when_false: str,
        *,
        cache: bool = False,
        hide: bool = False,
        default_open: bool = True,
        name: str | None = None,
        rename_inputs: Mapping[str, str] | None = None,
        emit: str | tuple[str, ...] | None = None,
        wait_for: str | tuple[str, ...] | None = None,
    ) -> None:
        title = name or str(getattr(func, "__name__", type(func).__name__))
        check_target(when_true, title)
        check_target(when_false, title)
        if when_true == when_false:
            raise ValueError(f"Gate {title!r} has one target for both branches: {when_true!r}." + fix("Give each branch its own"))
        self._make(
            func,
            name,
            rename_inputs=rename_inputs,
            cache=cache,
            hide=hide,
            emit=emit,
            wait_for=wait_for,
            _targets=(when_true, when_false),
            _descriptions={True: "True", False: "False"},
            _default_open=bool(default_open),
            _fallback=None,
            _multi_target=False,
        )

    @property
    def when_true(self) -> str:
        """The target on True."""
        return self._targets[0]

    @property
    def when_false(self) -> str:
        """The target on False."""
        return self._targets[1]

    def decide(self, raw: Any) -> Decision:
        """Give the target for True or False.

        Raises:
            TypeError: the function returned anything else.
        """
        if raw is True:
            return self._targets[0]
        if raw is False:
            return self._targets[1]
        raise TypeError(
            f"Gate {self.name!r} must return exactly True or False, got {type(raw).__name__}: {raw!r:.80}."
            + fix("Return a bool, for example bool(...) around the condition")
        )


def check_target(target: Any, owner: str) -> None:
    """Check one target of a gate.

    Raises:
        TypeError: it is no text.
        ValueError: it is a text that reads like END.
    """
    if not isinstance(target, str):
        raise TypeError(f"A target of gate {owner!r} must be a node's name or END, got {type(target).__name__}: {target!r:.80}.")
    if target is not END and target in ("END", _END_TEXT):
        raise ValueError(
            f"Gate {owner!r} has the text {str.__str__(target)!r} as a target, which is reserved."
            + fix("To end, use END itself: from hypergraph import END", "Or name the node differently")
        )


def _read_targets(targets: Any, owner: str) -> tuple[tuple[str, ...], Mapping[Any, str]]:
    if isinstance(targets, str) or not isinstance(targets, Iterable):
        raise TypeError(
            f"Gate {owner!r} takes a list of targets, or a dict with descriptions; got {targets!r:.80}." + fix("targets=['a', END]")
        )
    ways = tuple(dict.fromkeys(targets))
    if not ways:
        raise ValueError(f"Gate {owner!r} needs at least one target." + fix("targets=['a', 'b'], or with descriptions {'a': 'when ...'}"))
    for target in ways:
        check_target(target, owner)
    return ways, dict(targets) if isinstance(targets, Mapping) else {}


def _check_kind(info: CallableInfo) -> None:
    if info.is_generator:
        raise TypeError(f"Gate {info.name!r} cannot be a generator: it gives one decision." + fix("Return the decision"))
    if info.is_async:
        raise TypeError(
            f"Gate {info.name!r} cannot be async: a decision is made at once."
            + fix("Do the awaiting in an async node before it, and decide on that node's output")
        )


def ifelse(
    when_true: str,
    when_false: str,
    *,
    cache: bool = False,
    hide: bool = False,
    default_open: bool = True,
    name: str | None = None,
    rename_inputs: Mapping[str, str] | None = None,
    emit: str | tuple[str, ...] | None = None,
    wait_for: str | tuple[str, ...] | None = None,
) -> Callable[[Callable[..., bool]], IfElseNode]:
    """Make a function that returns True or False a gate with two branches; see `IfElseNode`."""

    def decorate(func: Callable[..., bool]) -> IfElseNode:
        return IfElseNode(
            func,
            when_true,
            when_false,
            cache=cache,
            hide=hide,
            default_open=default_open,
            name=name,
            rename_inputs=rename_inputs,
            emit=emit,
            wait_for=wait_for,
        )

    return decorate


def route(
    targets: Sequence[str] | Mapping[str, str],
    *,
    fallback: str | None = None,
    multi_target: bool = False,
    cache: bool = False,
    hide: bool = False,
    default_open: bool = True,
    name: str | None = None,
    rename_inputs: Mapping[str, str] | None = None,
    emit: str | tuple[str, ...] | None = None,
    wait_for: str | tuple[str, ...] | None = None,
) -> Callable[[Callable[..., Any]], RouteNode]:
    """Make a function that names the next node a gate; see `RouteNode`."""

    def decorate(func: Callable[..., Any]) -> RouteNode:
        return RouteNode(
            func,
            targets,
            fallback=fallback,
            multi_target=multi_target,
            cache=cache,
            hide=hide,
            default_open=default_open,
            name=name,
            rename_inputs=rename_inputs,
            emit=emit,
            wait_for=wait_for,
        )

    return decorate
