"""Inputs that were used before: of past runs, kept under a name, or written in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from studio.model.forms import text_of
from studio.model.plan import mapped_of
from studio.model.secrets import is_secret
from studio.services.looking import input_texts

if TYPE_CHECKING:
    from studio.model.graph_view import GraphView
    from studio.services.history import History
    from studio.services.studio_db import StudioDb

__all__ = ["Recalled", "Recalling"]

_MOST: Final = 20
_LONGEST: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Recalled:
    """Inputs that a form can be filled with.

    Attributes:
        name: of the preset, or the id of the run that they are of.
        preset: True when they were kept under a name.
        texts: input -> text.
        mapped: inputs that the run went over.
        at: Unix seconds.
    """

    name: str
    preset: bool
    texts: Mapping[str, str]
    mapped: tuple[str, ...] = ()
    at: float = 0.0


class Recalling:
    """Finds and keeps inputs.

    Args:
        history: the store.
        notes: holds what is kept under a name.
        secrets: further names whose values are never kept.
    """

    def __init__(self, history: History, notes: StudioDb, secrets: tuple[str, ...]) -> None:
        self._history = history
        self._notes = notes
        self._secrets = secrets

    def known(self, graph: GraphView) -> list[Recalled]:
        """Give what is kept under a name, then the inputs of the last runs; equal ones once."""
        inputs = {field.name for field in graph.inputs}
        kept = [
            Recalled(name, True, {key: text for key, text in texts.items() if key in inputs}, mapped_of(texts), at)
            for name, texts, at in self._notes.presets(graph.name)
        ]
        recent: list[Recalled] = []
        for row in self._history.runs(f'graph:"{graph.name}"', limit=_MOST):
            run = self._history.run(row.id) if row.graph == graph.name else None
            if run is None:
                continue
            texts = input_texts(self._history, run, graph)
            mapped = tuple((run.config or {}).get("map_over") or ())
            if not any((known.texts, known.mapped) == (texts, mapped) for known in recent):
                recent.append(Recalled(row.id, False, texts, mapped, row.started))
        return [*kept, *recent]

    def keep(self, graph: str, name: str, texts: Mapping[str, str]) -> bool:
        """Keep inputs under a name, without secrets; gives whether that could be done."""
        return self._notes.keep_preset(graph, name, {key: text for key, text in texts.items() if not is_secret(key, self._secrets)})

    def rename(self, graph: str, name: str, other: str) -> bool:
        """Keep what is kept under a name under another one; gives whether that could be done."""
        found = next((texts for kept, texts, _ in self._notes.presets(graph) if kept == name), None)
        if found is None or not self._notes.keep_preset(graph, other, found):
            return False
        return other == name or bool(self._notes.keep_preset(graph, name, None))

    def forget(self, graph: str, name: str) -> None:
        """Forget what was kept under a name."""
        self._notes.keep_preset(graph, name, None)

    def from_file(self, graph: GraphView, path: str, used: str | None) -> dict[str, str]:
        """Read inputs from a file: a JSON object of inputs fills the form, anything else is the text of one input.

        Args:
            graph: whose inputs they are.
            path: the file.
            used: the input that takes a text.

        Raises:
            ValueError: the file cannot be read, is too large, or fits nothing here.
        """
        file = Path(path).expanduser()
        try:
            if file.stat().st_size > _LONGEST:
                raise ValueError(f"{path} has more than {_LONGEST >> 20} MB: let a node read it.")
            text = file.read_text("utf-8")
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror or error}.") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is no text (not UTF-8).") from error
        names = {field.name: field for field in graph.inputs}
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict) and names.keys() & found.keys():
            return {name: text_of(names[name].type, value) for name, value in found.items() if name in names}
        if used is None:
            raise ValueError(f"{path} is no JSON object with inputs of {graph.name}, and no field takes it as a text.")
        return {used: text.removesuffix("\n")}
