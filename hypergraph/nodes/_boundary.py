"""Rules of a graph node's boundary: how it may be named, which ports may be exposed, and how it may be mapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hypergraph._text import did_you_mean, fix, listing

__all__ = ["MapErrors", "MapMode", "MapOver", "check_exposure", "check_title", "read_clone", "read_map_over"]

MapMode = Literal["zip", "product"]
MapErrors = Literal["raise", "continue"]


@dataclass(frozen=True, slots=True)
class MapOver:
    """How an inner graph is mapped, in names of the inner graph.

    Attributes:
        params: the inputs that take a list.
        mode: "zip" pairs the lists, "product" combines all with all.
        error_handling: "raise" gives up at the first failed item, "continue" puts None in its place.
        clone: which other values each item gets a copy of.
    """

    params: tuple[str, ...]
    mode: MapMode
    error_handling: MapErrors
    clone: bool | tuple[str, ...]


def read_map_over(
    params: Sequence[str], mode: Any, error_handling: Any, clone: Any, *, owner: str, inner_of: Callable[[str, str], str]
) -> MapOver:
    """Check what `map_over` was given, and write it in inner names.

    Args:
        params: names of the mapped inputs.
        mode: how they are combined.
        error_handling: what a failed item does.
        clone: which other values are copied per item.
        owner: the node's name, for messages.
        inner_of: from a name and the option it stands in to the inner name; a ValueError for an unknown one.

    Raises:
        ValueError: no or unknown parameters, a wrong mode, or a mapped parameter among the cloned ones.
        TypeError: `clone` is neither bool nor a list of names.
    """
    if not params:
        raise ValueError(
            f"map_over() of {owner!r} needs at least one parameter." + fix("Name an input that takes a list: map_over('items')")
        )
    if mode not in ("zip", "product"):
        raise ValueError(f"Invalid mode {mode!r} for map_over()." + fix("Use one of: 'zip', 'product'"))
    if error_handling not in ("raise", "continue"):
        raise ValueError(f"Invalid error_handling {error_handling!r} for map_over()." + fix("Use one of: 'raise', 'continue'"))
    mapped = tuple(dict.fromkeys(inner_of(param, "map_over") for param in params))
    return MapOver(mapped, mode, error_handling, read_clone(clone, mapped, owner, inner_of))


def read_clone(clone: Any, mapped: Sequence[str], owner: str, inner_of: Callable[[str, str], str]) -> bool | tuple[str, ...]:
    """Check what `clone` was given, and write it in inner names."""
    if isinstance(clone, bool):
        return clone
    if not isinstance(clone, list):
        raise TypeError(f"clone must be bool or list of names, got {type(clone).__name__}." + fix("clone=True, or clone=['name']"))
    if not all(isinstance(name, str) for name in clone):
        raise TypeError(f"clone list entries must be strings, got {clone!r:.80}." + fix("clone=['name']"))
    found = {inner_of(name, "clone"): name for name in clone}
    both = [name for inner, name in found.items() if inner in mapped]
    if both:
        raise ValueError(
            f"Cannot clone mapped parameter {both[0]!r} of {owner!r}: each item has its own value of it."
            + fix("Leave it out of clone=[...]")
        )
    return tuple(found)


def check_exposure(local: Any, alias: Any, ports: Sequence[str], exposed: Mapping[str, str], owner: str) -> None:
    """Check one wish of `expose`.

    Args:
        local: local name of the port.
        alias: its name outside.
        ports: all local names.
        exposed: local name -> alias of the ports that are exposed already.
        owner: the node's name.

    Raises:
        ValueError: there is no such port, or the alias belongs to another one.
    """
    if local not in ports:
        bare = str(local).removeprefix(f"{owner}.")
        if bare != local and bare in ports:
            raise ValueError(f"Local port names are needed in expose(), got the address {local!r}." + fix(f"expose({bare!r})"))
        raise ValueError(
            f"{local!r} is not on GraphNode surface of {owner!r}.{did_you_mean(str(local), ports)}"
            + fix(f"Its ports: {listing(ports)}", "An output that the inner graph's select() leaves out is no port")
        )
    if not isinstance(alias, str) or not alias:
        raise ValueError(f"The alias of {local!r} must be a non-empty str, got {alias!r}.")
    if "." in alias and alias != local:
        raise ValueError(f"The alias {alias!r} of {local!r} cannot contain '.': it would read as an address." + fix("Use a plain name"))
    taken = [name for name, other in exposed.items() if other == alias and name != local]
    if taken:
        raise ValueError(
            f"The alias {alias!r} is already used by port {taken[0]!r} of {owner!r}; {local!r} cannot have it too."
            + fix("Give each port an alias of its own")
        )


def check_title(name: Any) -> None:
    """Check the name of a graph node as far as addresses and run ids depend on it.

    Raises:
        TypeError: it is no text.
        ValueError: it contains "." or "/".
    """
    if not isinstance(name, str):
        raise TypeError(f"The name of a GraphNode must be a str, got {type(name).__name__}: {name!r:.80}.")
    for sign in (".", "/"):
        if sign in name:
            raise ValueError(
                f"Invalid name for a GraphNode: {name!r:.80} cannot contain {sign!r}, which separates names in addresses and run ids."
                + fix("Use letters, digits, '_' or '-'")
            )
