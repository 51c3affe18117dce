"""When a run's steps reach the disk, and which of them are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hypergraph._text import fix

__all__ = ["CheckpointPolicy", "Durability", "Retention", "resolve_policy"]

Durability: TypeAlias = Literal["sync", "async", "exit"]
Retention: TypeAlias = Literal["full", "latest", "windowed"]

_DURABILITIES = ("sync", "async", "exit")
_RETENTIONS = ("full", "latest", "windowed")


@dataclass(frozen=True, slots=True)
class CheckpointPolicy:
    """When steps are written, and how many of them are kept.

    Attributes:
        durability: "sync" commits a step, through to the disk, before anything that depends on it starts; "async" writes behind the
            run, at most 50 ms late, and flushes before the run returns; "exit" writes once, at the end of the run.
        retention: "full" keeps every step; "latest" keeps each node's newest, so that the state stays complete; "windowed" keeps the
            last `window` supersteps, so that the run can be read but not resumed once something was dropped.
        window: number of supersteps that "windowed" keeps.
        ttl: seconds after which finished top-level runs are deleted, when the store is opened; None keeps them.

    Raises:
        ValueError: the parts do not go together.
    """

    durability: Durability = "async"
    retention: Retention = "full"
    window: int | None = None
    ttl: float | None = None

    def __post_init__(self) -> None:
        if self.durability not in _DURABILITIES:
            raise ValueError(f"Unknown durability {self.durability!r}." + fix(f"Use one of {', '.join(map(repr, _DURABILITIES))}"))
        if self.retention not in _RETENTIONS:
            raise ValueError(f"Unknown retention {self.retention!r}." + fix(f"Use one of {', '.join(map(repr, _RETENTIONS))}"))
        if self.durability == "exit" and self.retention != "latest":
            raise ValueError(
                f'durability="exit" requires retention="latest", not {self.retention!r}: steps that are written once, at the end, '
                "leave no history." + fix('Pass retention="latest", or another durability')
            )
        if self.retention == "windowed" and self.window is None:
            raise ValueError('retention="windowed" requires window parameter.' + fix("Pass window=N, the number of supersteps to keep"))
        if self.retention != "windowed" and self.window is not None:
            raise ValueError('window parameter only valid with retention="windowed".' + fix("Leave window out, or change retention"))
        if self.window is not None and (type(self.window) is not int or self.window < 1):
            raise ValueError(f"window must be a positive integer, not {self.window!r}." + fix("Pass window=1 or more"))
        if self.ttl is not None and not self.ttl > 0:
            raise ValueError(f"ttl must be greater than 0, not {self.ttl!r}." + fix("Pass seconds, or None to keep runs for ever"))


def resolve_policy(policy: CheckpointPolicy | None, durability: Durability | None, retention: Retention | None) -> CheckpointPolicy:
    """Give the policy that a constructor was asked for, either whole or by its two short forms.

    Raises:
        ValueError: both ways were used at once, or the parts do not go together.
    """
    if policy is not None:
        if durability is not None or retention is not None:
            raise ValueError("Cannot pass both policy and durability/retention." + fix("Put them into the CheckpointPolicy"))
        return policy
    return CheckpointPolicy(durability=durability or "async", retention=retention or "full")
