"""The palette: every act that the keys offer here, the six places, graphs, runs, and addresses typed in full."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from studio.messages import Go

__all__ = ["PROVIDERS", "AddressProvider", "VerbProvider"]

_MOST: Final = 40
_ORDER: Final = {"act": 0, "form": 1, "yank": 2, "go": 3, "look": 4}


class VerbProvider(Provider):
    """The acts of the screen below, each with its key."""

    def _verbs(self) -> Iterator[tuple[str, str, str, object]]:
        seen: set[tuple[str, object]] = set()
        found = list(self.screen.active_bindings.values())
        for active in sorted(found, key=lambda one: _ORDER.get((one.binding.id or "").partition(".")[0], 9)):
            binding = active.binding
            if not active.enabled or not binding.id or (binding.action, active.node) in seen:
                continue
            seen.add((binding.action, active.node))
            title = (binding.tooltip or binding.description).rstrip(".")
            yield title, self.app.get_key_display(binding), binding.action, active.node

    async def discover(self) -> Hits:
        """Offer everything before something is typed."""
        for title, key, action, node in self._verbs():
            yield DiscoveryHit(Content(title), partial(self.app.run_action, action, node), help=key)  # type: ignore[arg-type]  # any DOM node

    async def search(self, query: str) -> Hits:
        """Offer what fits."""
        matcher = self.matcher(query)
        for title, key, action, node in self._verbs():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), partial(self.app.run_action, action, node), help=key)  # type: ignore[arg-type]  # any DOM node


class AddressProvider(Provider):
    """Graphs and runs by name, and whatever starts like an address."""

    async def search(self, query: str) -> Hits:
        """Offer what fits."""
        if query.startswith("hg:"):
            yield Hit(1.0, Content(f"Go to {query}"), partial(self.app.post_message, Go(query)))
        matcher = self.matcher(query)
        studio = self.app.studio  # type: ignore[attr-defined]  # our app has it
        for kind, name, address in studio.addresses(limit=_MOST, text=query):
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, Content(f"{kind} {name}"), partial(self.app.post_message, Go(address)))


PROVIDERS: Final = (VerbProvider, AddressProvider)
