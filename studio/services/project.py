"""The modules that the command line named: each is loaded in a process of its own, and looked at again when its files change."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any, Final

from studio.model.graph_view import GraphView, ModuleView
from studio.services.module_host import LOADING, PATIENCE, HostError, ModuleHost, Nursery
from studio.services.order import Target
from studio.services.targets import find_target, find_targets

__all__ = ["Project"]

_LOOK_EVERY: Final = 1.0
_AT_ONCE: Final = 4


@dataclass(slots=True)
class _Module:
    target: Target
    host: ModuleHost
    view: ModuleView
    stamps: dict[str, int] = field(default_factory=dict)
    loads: int = 0


class Project:
    """All modules of a session.

    Args:
        texts: what the command line names.
        start: the folder that the studio was started in.
        python: interpreter that loads the modules; None for this one.
        patience: seconds to wait for an answer of a loaded module.
        loading: seconds that a module may take to load.
    """

    def __init__(
        self, texts: Sequence[str], start: Path, *, python: str | None = None, patience: float = PATIENCE, loading: float = LOADING
    ) -> None:
        self._start = start
        self._python = python
        self._patience = patience
        self._loading = loading
        self._nursery = Nursery()
        # A module that never ends keeps its thread, and none of the others waiting.
        self._threads = ThreadPoolExecutor(max(_AT_ONCE, len(texts) + 1), thread_name_prefix="studio-modules")
        self._lock = threading.Lock()
        self._modules = [self._module(target) for target in find_targets(texts, start)]
        self._views: tuple[ModuleView, ...] = tuple(module.view for module in self._modules)
        self._looked = time.monotonic()
        self._closing = threading.Event()

    def _module(self, target: Target) -> _Module:
        return _Module(target, self._host(target), ModuleView(target.text, "loading", since=time.time()))

    def _host(self, target: Target) -> ModuleHost:
        return ModuleHost(target, self._nursery, python=self._python, start=self._start, patience=self._patience, loading=self._loading)

    def begin(self) -> None:
        """Load everything, each module in a thread that waits for its process."""
        for module in self._modules:
            self._threads.submit(self._load, module, module.loads)

    def modules(self) -> tuple[ModuleView, ...]:
        """Give all modules as they stand; the same object as long as nothing changes."""
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY:
            self._looked = now
            self._look()
        return self._views

    def reload(self, text: str) -> None:
        """Load a module again; one that is still being loaded is begun anew."""
        for module in self._modules:
            if module.target.text == text and not self._closing.is_set():
                module.loads += 1
                self._show(module, replace(module.view, state="loading", since=time.time()))
                self._threads.submit(self._load, module, module.loads)

    def wait(self, seconds: float = 30.0) -> None:
        """Wait until nothing is being loaded."""
        until = time.monotonic() + seconds
        while any(view.state == "loading" for view in self._views) and time.monotonic() < until:
            time.sleep(0.01)

    def _load(self, module: _Module, number: int) -> None:
        # What was loaded stays what it was: a fresh process sees the files as they are.
        module.host.abandon()
        if self._closing.is_set() or module.loads != number:
            return
        module.target = find_target(module.target.text, self._start)
        if module.target.problem is not None:
            # It is tried again when the file appears.
            module.stamps = {str(self._start / Path(module.target.text.rpartition(":")[0] or module.target.text)): 0}
            self._show(module, ModuleView(module.target.text, "broken", module.target.problem))
            return
        module.host = host = self._host(module.target)
        stamps = _stamps([module.target.file] if module.target.file else [])
        try:
            found = host.report()
            stamps = {**_stamps(found["files"]), **stamps}
            view = ModuleView(
                module.target.text,
                "ready",
                error="; ".join(found["problems"]) or None,
                graphs=tuple(GraphView.from_json(graph) for graph in found["graphs"]),
                output=found["output"],
            )
        except HostError as error:
            view = ModuleView(module.target.text, "broken", str(error), error.traceback or str(error), output=host.output())
        except Exception as error:
            view = ModuleView(module.target.text, "broken", f"{type(error).__name__}: {error}", "")
        if self._closing.is_set() or module.loads != number:
            # The studio was left, or it was begun anew while this was loading: nobody else ends that process.
            host.close()
        else:
            module.stamps = stamps
            self._show(module, view)

    def _show(self, module: _Module, view: ModuleView) -> None:
        with self._lock:
            module.view = view
            self._views = _told_apart([one.view for one in self._modules])

    def _look(self) -> None:
        for module in self._modules:
            if module.view.state == "loading" and (said := module.host.said()) != module.view.output:
                self._show(module, replace(module.view, output=said))
            if module.view.state not in {"ready", "broken"} or _stamps(module.stamps) == module.stamps:
                continue
            if module.view.state == "broken":
                # Nothing that works is taken away: it is tried again at once.
                self.reload(module.target.text)
            else:
                self._show(module, replace(module.view, state="changed"))

    # Asking.

    def graph(self, name: str) -> GraphView | None:
        """Give a graph by name."""
        return next((graph for view in self._views for graph in view.graphs if graph.name == name), None)

    def graph_like(self, struct_hash: str | None, name: str | None = None) -> GraphView | None:
        """Give the graph of this structure; among several the one of this name."""
        found = [graph for view in self._views for graph in view.graphs if struct_hash and graph.struct_hash == struct_hash]
        return next((graph for graph in found if graph.name == name), found[0] if found else None)

    def target_of(self, graph: GraphView) -> Target:
        """Give the target of a graph, with the graph as its attribute."""
        module = next((one for one in self._modules if one.target.text == graph.target), None)
        target = module.target if module is not None else find_target(graph.target, self._start)
        return replace(target, attribute=graph.attribute)

    def ask(self, target: Target, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the host of a target; for one that is not loaded, a host is started and ended.

        Raises:
            HostError: the answer is an error, or there is none.
        """
        for module in self._modules:
            if (module.target.root, module.target.module, module.target.file) == (target.root, target.module, target.file):
                return module.host.ask(question)
        host = self._host(target)
        try:
            return host.ask(question)
        finally:
            host.close()

    def ask_apart(self, target: Target, question: Mapping[str, Any], patience: float) -> dict[str, Any]:
        """Ask a process that is made for this question alone, and thrown away after it.

        Raises:
            HostError: the answer is an error, or there is none.
        """
        host = ModuleHost(target, self._nursery, python=self._python, start=self._start, patience=patience, loading=patience)
        try:
            return host.ask(question)
        finally:
            host.close()

    def find(self, reference: str) -> Target:
        """Find a target that a run's record names."""
        return find_target(reference, self._start)

    def close(self) -> None:
        """End all hosts."""
        self._closing.set()
        for module in self._modules:
            module.host.abandon()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._nursery.close()


def _told_apart(views: list[ModuleView]) -> tuple[ModuleView, ...]:
    """Give modules in which no two graphs have one name: a later one is called after its module too."""
    seen: set[str] = set()
    found = []
    for view in views:
        graphs = []
        for graph in view.graphs:
            name = graph.name
            if name in seen:
                place = PurePath(view.target.rpartition(":")[0] or view.target).name.removesuffix(".py")
                name = next(one for number in range(1, 1_000) if (one := f"{place}.{name}{f'-{number}' if number > 1 else ''}") not in seen)
            seen.add(name)
            graphs.append(graph if name == graph.name else replace(graph, name=name))
        found.append(replace(view, graphs=tuple(graphs)) if graphs else view)
    return tuple(found)


def _stamps(files: Sequence[str] | Mapping[str, int]) -> dict[str, int]:
    found = {}
    for file in files:
        try:
            found[file] = os.stat(file).st_mtime_ns  # noqa: PTH116  # five hundred of them each second
        except OSError:
            found[file] = 0
    return found
