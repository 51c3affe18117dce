"""From what somebody decided to the order that a worker gets, and to the same as Python."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from studio.model.act import Act
from studio.model.graph_view import GraphView
from studio.model.plan import LaunchPlan
from studio.model.python_code import Call, Code, code_of, expression
from studio.model.type_spec import TypeSpec
from studio.services.order import Order, Target
from studio.services.project import Project

if TYPE_CHECKING:
    from hypergraph.checkpointers import Run
    from studio.services.history import History

__all__ = ["Acts", "NoGraph", "shown_plan"]

_NUMBER: Final = re.compile(r"^(.*?)-(\d+)$")
_ODD: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_ANY: Final = TypeSpec("any", "any")
_MOST: Final = 5_000


class NoGraph(LookupError):  # noqa: N818  # an answer to a reader, not a defect
    """The graph of a run cannot be found: its module is not loaded, and the run does not say where it is."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The graph of a run: as it is loaded (None where it is only known by name), and where it is."""

    graph: GraphView | None
    target: Target
    name: str


class Acts:
    """Makes orders.

    Args:
        project: the loaded modules.
        history: the store, which is only read.
        actor: who gives the orders.
        python: interpreter that the workers run on, for the record.
        start: the folder that they run in.
        hidden: further names whose values are not shown.
        at_once: how many items run at once where nothing else is said.
    """

    def __init__(
        self,
        project: Project,
        history: History,
        *,
        actor: str,
        python: str | None = None,
        start: Path,
        hidden: tuple[str, ...] = (),
        at_once: int = 8,
    ) -> None:
        self.at_once = at_once
        self.project = project
        self.history = history
        self.actor = actor
        self._python = python
        self._start = start
        self._hidden = hidden
        self._taken: set[str] = set()

    # Names.

    def next_id(self, base: str) -> str:
        """Make up the id of a new run: the graph's name, or that of the source, and the next free number."""
        base = _ODD.sub("-", base.partition("/")[0]).strip("-.") or "run"
        found = _NUMBER.match(base)
        stem = found.group(1) if found is not None else base
        number = int(found.group(2)) + 1 if found is not None else 1
        for candidate in range(number, number + _MOST):
            name = f"{stem}-{candidate}"
            if self.is_free(name):
                return name
        return f"{stem}-{secrets.token_hex(4)}"

    def is_free(self, run_id: str) -> bool:
        """Tell whether no run has this id, as far as is known here."""
        return run_id not in self._taken and self.history.run(run_id) is None

    def took(self, run_id: str) -> None:
        """Take note that a run of this id has been started; the store may not have it yet."""
        self._taken.add(run_id)

    # Graphs.

    def graph_of(self, run: Run) -> _Found:
        """Find the graph of a stored run: where the run says, else a loaded one of the same structure.

        Raises:
            NoGraph: neither is known.
        """
        config = run.config or {}
        name = run.graph_name or ""
        loaded = self.project.graph_like(config.get("graph_struct_hash"), name)
        if loaded is None:
            loaded = self.project.graph(name) if name else None
        if loaded is not None:
            return _Found(loaded, self.project.target_of(loaded), name or loaded.name)
        reference = config.get("graph_ref")
        if isinstance(reference, str) and reference:
            target = self.project.find(reference)
            if target.problem is None:
                return _Found(None, target, name)
            raise NoGraph(
                f"The graph {name or 'of this run'!r} was made from {reference}, which cannot be found: {target.problem} "
                "Put it back, or start the studio with the module that has it: hypergraph studio MODULE"
            )
        raise NoGraph(
            f"The graph {name or 'of this run'!r} is not loaded, and the run does not say where it is. "
            "Start the studio with its module: hypergraph studio MODULE"
        )

    def _config(self, target: Target, runner: str, at_once: int | None) -> dict[str, Any]:
        config: dict[str, Any] = {"graph_ref": target.reference, "cwd": str(self._start), "runner": runner}
        if at_once is not None:
            config["at_once"] = at_once
        return {**config, "python": self._python} if self._python is not None else config

    def _order(self, verb: str, found: _Found, run_id: str, runner: str, **options: Any) -> Order:
        return Order(
            verb,
            found.target,
            found.name,
            str(self.history.path.absolute()),
            run_id,
            runner=runner,
            actor=self.actor,
            config=self._config(found.target, runner, options.get("at_once")),
            secrets=self._hidden,
            **options,
        )

    # Launch.

    def launch_order(self, graph: GraphView, plan: LaunchPlan) -> Order:
        """Give the order of a launch."""
        found = _Found(graph, self.project.target_of(graph), graph.scene.name or graph.name)
        batch = bool(plan.map_over)
        return self._order(
            "map" if batch else "run",
            found,
            plan.run_id,
            plan.runner,
            texts=dict(plan.texts),
            map_over=plan.map_over,
            map_mode=plan.map_mode,
            on_error=plan.on_error if batch else "raise",
            at_once=plan.at_once,
            batch=batch,
        )

    def order_again(self, target: Target, name: str, plan: LaunchPlan) -> Order:
        """Give the order that makes a run once more, where its graph need not be loaded."""
        batch = bool(plan.map_over)
        return self._order(
            "map" if batch else "run",
            _Found(None, target, name),
            plan.run_id,
            plan.runner,
            texts=dict(plan.texts),
            map_over=plan.map_over,
            map_mode=plan.map_mode,
            on_error=plan.on_error,
            batch=batch,
        )

    def code(self, order: Order, graph: GraphView | None, *, path: str) -> Code:
        """Give an order as Python.

        Args:
            order: what is done.
            graph: the graph as it is loaded.
            path: the database as the user named it.
        """
        names: set[str] = set()
        options, before = self._options(order, graph, names)
        values = self._values(order, graph, names)
        variable = (graph.attribute if graph is not None else order.target.attribute) or "graph"
        return code_of(
            Call(
                order.runner,
                variable,
                order.target.module,
                order.target.file,
                order.target.root,
                path,
                "map" if order.batch or order.verb == "map" else "run",
                values,
                options,
                before,
                tuple(sorted(names)),
                caches=graph is not None and graph.caches,
            )
        )

    def _values(self, order: Order, graph: GraphView | None, names: set[str]) -> dict[str, str] | None:
        texts = dict(order.texts)
        if order.verb in {"fork", "retry"} and not order.batch:
            texts |= {name: text for name, text in order.edits.items() if self._is_input(order, graph, name)}
        if not texts:
            return None
        found = {}
        for name, text in texts.items():
            spec = _spec(graph, name)
            if text.startswith("@run:"):
                found[name] = f"store.inputs({text[5:]!r})[{name!r}]"
            elif graph is not None and (known := graph.field(name)) is not None and known.secret:
                found[name] = f"os.environ[{name.upper()!r}]"
            else:
                found[name] = expression(spec.listed() if name in order.map_over else spec, text, names)
        return found

    def _is_input(self, order: Order, graph: GraphView | None, name: str) -> bool:
        """Tell an input that is changed from a value; of a graph that is not loaded, what the run was given says it."""
        return graph.field(name) is not None if graph is not None else name in self.history.inputs(order.source or "")

    def _options(self, order: Order, graph: GraphView | None, names: set[str]) -> tuple[dict[str, str], tuple[str, ...]]:
        """Give the keywords of the call, and the statements before it."""
        options = _batch_options(order) if order.batch or order.verb == "map" else {}
        if order.at_once is not None and order.runner == "AsyncRunner":
            options["max_concurrency"] = repr(order.at_once)
        before: list[str] = []
        if order.verb in {"fork", "retry"} and not order.batch:
            edits = {name: text for name, text in order.edits.items() if not self._is_input(order, graph, name)}
            if edits or order.superstep is not None:
                # What was stored is built when it is read: before that, its classes have to be known.
                classes = _classes(graph, names)
                before = [*([f"store.trust([{', '.join(classes)}])"] if classes else []), _checkpoint(order)]
                if edits:
                    inner = ", ".join(f"{name!r}: {expression(_spec(graph, name), text, names)}" for name, text in edits.items())
                    before.append(f"cp = cp.with_values({{{inner}}})")
                options["checkpoint"] = "cp"
            else:
                options["fork_from" if order.verb == "fork" else "retry_from"] = repr(order.source)
        if order.runner != "DaftRunner":
            options["workflow_id"] = repr(order.run_id)
        return options, tuple(before)

    # Forks, retries, resumes, answers.

    def act_order(self, act: Act) -> tuple[Order, GraphView | None]:
        """Give the order of a fork, a retry or a resume, and the graph as it is loaded.

        Raises:
            NoGraph: its graph cannot be found.
            LookupError: there is no such run.
        """
        run = self._run(act.run_id)
        found = self.graph_of(run)
        config = run.config or {}
        runner = str(config.get("runner") or _runner_for(found.graph))
        if config.get("kind") == "map":
            return self._batch_order(act, run, found, runner), found.graph
        at_once = self._at_once(config, found.graph, runner)
        if act.kind == "resume":
            return self._order("resume", found, run.id, runner, at_once=at_once), found.graph
        options = {"source": run.id, "superstep": act.superstep, "edits": dict(act.edits), "at_once": at_once}
        return self._order(act.kind, found, self.next_id(run.id), runner, **options), found.graph

    def _batch_order(self, act: Act, run: Run, found: _Found, runner: str) -> Order:
        config = run.config or {}
        options: dict[str, Any] = {
            "map_over": tuple(config.get("map_over") or ()),
            "map_mode": str(config.get("map_mode") or "zip"),
            "on_error": "continue",
            "at_once": self._at_once(config, found.graph, runner, batch=True),
            "batch": True,
            "only": act.only,
        }
        if act.kind == "fork":
            raise NoGraph("A batch is not forked as a whole: fork one of its items, or retry the batch.")
        if act.kind == "resume":
            return self._order("resume", found, run.id, runner, **options)
        return self._order("retry", found, self.next_id(run.id), runner, source=run.id, texts=dict(act.edits), **options)

    def answer_order(self, run_id: str, texts: Mapping[str, str]) -> tuple[Order, GraphView | None]:
        """Give the order that answers a run's questions.

        Raises:
            NoGraph: its graph cannot be found.
            LookupError: there is no such run.
        """
        run = self._run(run_id)
        found = self.graph_of(run)
        at_once = self._at_once(run.config or {}, found.graph, "AsyncRunner")
        return self._order("answer", found, run.id, "AsyncRunner", texts=dict(texts), at_once=at_once), found.graph

    def _at_once(self, config: Mapping[str, Any], graph: GraphView | None, runner: str, *, batch: bool = False) -> int | None:
        """Give how many nodes may run at once: as the run says, else a few where there are many items."""
        if runner != "AsyncRunner":
            return None
        known = config.get("at_once")
        if isinstance(known, int) and known > 0:
            return known
        return self.at_once if batch or (graph is not None and graph.maps) else None

    def _run(self, run_id: str) -> Run:
        run = self.history.run(run_id)
        if run is None:
            raise LookupError(f"No run is named {run_id!r} in this store.")
        return run


def _runner_for(graph: GraphView | None) -> str:
    return next((name for name, reason in graph.fits.items() if reason is None), "AsyncRunner") if graph is not None else "AsyncRunner"


def _spec(graph: GraphView | None, name: str) -> TypeSpec:
    if graph is None:
        return _ANY
    known = graph.field(name)
    if known is not None:
        return known.type
    return graph.asks.get(name) or graph.made.get(name, _ANY)


def _classes(graph: GraphView | None, names: set[str]) -> list[str]:
    """Give the classes of a graph's values, and add them to the names that are imported."""
    found: dict[str, None] = {}
    waiting = [] if graph is None else [*(field.type for field in graph.inputs), *graph.made.values()]
    while waiting:
        spec = waiting.pop(0)
        if spec.cls and spec.kind in {"record", "enum"}:
            home, _, name = spec.cls.partition(":")
            found[name] = None
            names.add(f"{home}:{name.partition('.')[0]}")
        waiting += [*spec.members, *(field.type for field in spec.fields)]
    return list(found)


def _batch_options(order: Order) -> dict[str, str]:
    options = {"map_over": repr(list(order.map_over))}
    if len(order.map_over) > 1:
        options["map_mode"] = repr(order.map_mode)
    options["error_handling"] = repr(order.on_error)
    if order.verb == "retry":
        options["retry_from"] = repr(order.source)
    if order.only is not None:
        options["only"] = repr(list(order.only))
    return options


def _checkpoint(order: Order) -> str:
    """Give the statement that takes the moment which a fork or a retry starts from."""
    at = f", superstep={order.superstep}" if order.superstep is not None else ""
    if order.verb == "fork":
        return f"cp = store.checkpoint({order.source!r}{at})"
    return f"_, cp = store.retry_workflow({order.source!r}, workflow_id={order.run_id!r}{at})"


def shown_plan(plan: LaunchPlan, code: Code) -> LaunchPlan:
    """Give a plan with its Python."""
    return replace(plan, python=code.line, script=code.script)
