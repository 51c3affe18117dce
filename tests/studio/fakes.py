"""A studio without services: views that stand still, so that screens can be looked at and driven exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from hypergraph.viz.scene import Scene, SceneEdge, SceneInput, SceneNode, SceneOutput, ScenePort, SceneTarget
from studio.model.about import About, ending_code
from studio.model.batch_view import BatchView, FailureGroup, ItemView
from studio.model.bench import BenchView
from studio.model.diff import Comparison, DiffRow
from studio.model.forecast import Forecast
from studio.model.graph_view import GraphView, InputField, ModuleView
from studio.model.lineage_view import LineageRow
from studio.model.moments import Moment
from studio.model.pause_view import PauseView
from studio.model.plan import LaunchPlan
from studio.model.run_view import LogLine, NodeView, RunRow, RunView
from studio.model.type_spec import TypeSpec
from studio.model.value_view import ValueChild, ValueNode, ValueView
from studio.services.recalling import Recalled
from studio.services.settings import Settings

NOW = 1_760_000_000.0
START = NOW - 41


@dataclass(frozen=True)
class Outcome:
    ok: bool = True
    message: str = ""
    run_id: str = ""
    python: str = ""
    claim: int = 0
    problems: Mapping[str, str] = field(default_factory=dict)


FORECAST = Forecast(
    code="unchanged since the run",
    kept=("load_docs", "clean", "embed", "summarize"),
    again=("rag/rerank", "rag/pack", "generate", "judge", "final"),
    reason="top_k feeds rerank; the rest is downstream",
    seconds=9,
    new_id="rag-eval-8",
    python='result = await runner.run(g, {"top_k": 20}, fork_from="rag-eval-5", workflow_id="rag-eval-8")',
    script="script",
)


def _ports(*names: str) -> tuple[ScenePort, ...]:
    return tuple(ScenePort(name, kind or None) for name, _, kind in (text.partition(":") for text in names))


def _edge(source: str, target: str, *names: str, kind: str = "data") -> SceneEdge:
    return SceneEdge(source, target, kind, names)  # type: ignore[arg-type]


_INNER = Scene(
    "rag",
    (
        SceneNode("retrieve", "rag/retrieve", inputs=_ports("query"), outputs=_ports("hits:list[Doc]")),
        SceneNode("rerank", "rag/rerank", inputs=_ports("hits"), outputs=_ports("best:list[Doc]")),
        SceneNode("pack", "rag/pack", inputs=_ports("best"), outputs=_ports("context:str")),
    ),
    (_edge("retrieve", "rerank", "hits"), _edge("rerank", "pack", "best")),
)
SCENE = Scene(
    "rag-eval",
    (
        SceneNode("load_docs", "load_docs", outputs=_ports("docs:list[Doc]")),
        SceneNode("clean", "clean", inputs=_ports("docs"), outputs=_ports("texts:list[str]")),
        SceneNode("embed", "embed", inputs=_ports("docs"), outputs=_ports("vecs:ndarray"), cache=True),
        SceneNode("summarize", "summarize", inputs=_ports("texts"), outputs=_ports("summary:str")),
        SceneNode("rag", "rag", kind="graph", inputs=_ports("vecs", "query"), outputs=_ports("context:str"), size=3, inner=_INNER),
        SceneNode("generate", "generate", inputs=_ports("context", "summary"), outputs=_ports("draft:str")),
        SceneNode("judge", "judge", kind="gate", inputs=_ports("draft"), targets=(SceneTarget("generate"), SceneTarget("final"))),
        SceneNode("final", "final", inputs=_ports("draft"), outputs=_ports("answer:str")),
    ),
    (
        _edge("load_docs", "clean", "docs"),
        _edge("load_docs", "embed", "docs"),
        _edge("clean", "summarize", "texts"),
        _edge("embed", "rag", "vecs"),
        _edge("rag", "generate", "context"),
        _edge("summarize", "generate", "summary"),
        _edge("generate", "judge", "draft"),
        _edge("judge", "generate", kind="control"),
        _edge("judge", "final", kind="control"),
        _edge("generate", "final", "draft"),
    ),
    (SceneInput("query", "str", ("rag",)), SceneInput("top_k", "int", ("rag",), required=False)),
    (SceneOutput("answer", ("final",)),),
)
RAG = GraphView(
    "rag-eval",
    "Answer a question from documents, judge the draft, and try again up to three times.",
    "examples/rag.py:41",
    (
        InputField("query", TypeSpec("str", "str")),
        InputField("top_k", TypeSpec("int", "int"), required=False, default="20"),
        InputField("strict", TypeSpec("bool", "bool"), required=False, default="True"),
        InputField("mode", TypeSpec("literal", "Literal['fast', 'best']", ("'fast'", "'best'")), required=False, default="'fast'"),
    ),
    (("answer", "str"), ("draft", "str")),
    {
        "AsyncRunner": None,
        "SyncRunner": "The graph has async nodes: generate, judge.",
        "DaftRunner": "The graph has a cycle; Daft runs only graphs without one.",
    },
    SCENE,
    8,
)
GREET = GraphView(
    "greet",
    "",
    "examples/hello.py:8",
    (InputField("name", TypeSpec("str", "str")),),
    (("greeting", "str"),),
    {"SyncRunner": None, "AsyncRunner": None, "DaftRunner": None},
    Scene("greet", (SceneNode("hello", "hello", inputs=_ports("name"), outputs=_ports("greeting:str")),)),
    1,
)
BROKEN = ModuleView(
    "broken.py",
    "broken",
    "ModuleNotFoundError: No module named 'torch'",
    'Traceback (most recent call last):\n  File "broken.py", line 3, in <module>\n    import torch\n'
    "ModuleNotFoundError: No module named 'torch'",
)
MODULES = (ModuleView("examples/rag.py", graphs=(RAG,)), ModuleView("examples/hello.py", graphs=(GREET,)), BROKEN)

_SKY = ValueView("query", "str", "'why is the sky blue?'", "input")
NODES = {
    node.path: node
    for node in (
        NodeView(
            "load_docs", "completed", superstep=0, started=START, ended=START + 0.812,
            outputs=(ValueView("docs", "list[120]", "Doc …"),)),
        NodeView(
            "clean", "completed", superstep=1, started=START + 0.9, ended=START + 0.995,
            inputs=(ValueView("docs", "list[120]", "", "load_docs"),), outputs=(ValueView("texts", "list[118]"),),
        ),
        NodeView("embed", "cached", superstep=1, started=START + 0.9, ended=START + 0.9, outputs=(ValueView("vecs", "ndarray 118x768"),)),
        NodeView(
            "summarize", "completed", superstep=2, started=START + 1, ended=START + 14.1,
            outputs=(ValueView("summary", "str 1.2k", "The documents describe…"),),
        ),
        NodeView("rag", "running", superstep=2, started=START + 15, inputs=(ValueView("vecs", "ndarray 118x768", "", "embed"), _SKY)),
        NodeView("rag/retrieve", "completed", superstep=0, started=START + 15, ended=START + 32, outputs=(ValueView("hits", "list[20]"),)),
        NodeView(
            "rag/rerank", "running", superstep=1, started=START + 33, typical="1.8s (12 runs, p90 3.0s)",
            inputs=(ValueView("hits", "list[20]", "Doc", "rag/retrieve · step 6"), _SKY),
        ),
        NodeView("generate", "waiting", turns=2),
    )
}  # fmt: skip
LOGS = (
    LogLine(START + 1, "clean", "stdout", "dropped 2 empty documents"),
    LogLine(START + 33, "rag/rerank", "stdout", "loading cross-encoder…"),
    LogLine(START + 36, "rag/rerank", "stderr", "UserWarning: slow tokenizer"),
    LogLine(START + 38, "rag/rerank", "stdout", "scored 7/20"),
)
LINEAGE = (
    LineageRow("rag-eval-5", "●", "failed", "", "rerank TimeoutError", seconds=50),
    LineageRow("rag-eval-6", "├─●", "failed", "retry 1", "same inputs, same code", seconds=48),
    LineageRow("rag-eval-7", "╰─●", "running", "fork @3", "top_k: 50→20", "inherits 5 steps", 41, selected=True),
)
LIVE = RunView(
    id="rag-eval-7",
    graph_name="rag-eval",
    state="running",
    started=START,
    runner="AsyncRunner",
    scene=SCENE,
    nodes=NODES,
    inputs=(_SKY, ValueView("top_k", "int", "20", "default")),
    logs=LOGS,
    lineage=LINEAGE,
    last_superstep=4,
    live=True,
    done=6,
    total=9,
    code_note="code 8e789f same",
    actor="ana@dev/tty",
    can_stop=True,
)
_TIMEOUT = "TimeoutError: no answer within 10s"
_TRACEBACK = (
    'Traceback (most recent call last):\n  File "examples/rag.py", line 88, in rerank\n    scores = model.predict(pairs)\n'
    f'  File "cross.py", line 12, in predict\n    raise TimeoutError("no answer within 10s")\n{_TIMEOUT}'
)
FAILED = replace(
    LIVE,
    id="rag-eval-5",
    state="failed",
    live=False,
    ended=START + 43,
    error=_TIMEOUT,
    can_stop=False,
    can_resume=True,
    nodes={
        **NODES,
        "rag": replace(NODES["rag"], state="failed", ended=START + 43, error=_TIMEOUT),
        "rag/rerank": replace(NODES["rag/rerank"], state="failed", ended=START + 43, error=_TIMEOUT, traceback=_TRACEBACK),
    },
)
_STATES = bytearray([2] * 6021 + [1] * 8 + [0] * 3971)
for _number in range(100, 5650, 150):
    _STATES[_number] = 4
BATCH = replace(
    LIVE,
    id="batch-12",
    graph_name="scrape",
    scene=None,
    nodes={},
    lineage=(),
    logs=(),
    batch=BatchView(
        bytes(_STATES),
        {"completed": 5984, "failed": 37, "running": 8, "waiting": 3971},
        41,
        96,
        (
            FailureGroup(29, "fetch", "TimeoutError", "read timed out (10s)", "host=slow.example 29/29", 100, (100, 250, 400)),
            FailureGroup(6, "parse", "ValueError", "no <title>", "lang=he 6/6", 250),
            FailureGroup(2, "embed", "RateLimit", "429", "", 400),
        ),
    ),
)
_DRAFT = (
    "# Why the sky is blue\n\nSunlight reaches the atmosphere and is scattered in all directions by the gases and particles in the air. "
    "Blue light is scattered more than the other colours because it travels as shorter, smaller waves."
)
PAUSES = (
    PauseView(
        "pub-31",
        "approval",
        NOW - 11_520,
        (("decision", TypeSpec("bool", "bool")),),
        (ValueView("draft", "str 1.2k", "Publish this draft?", text=_DRAFT),),
        (("True", "finalize → done"), ("False", "revise → approval again")),
    ),
    PauseView(
        "pub-30",
        "wishes",
        NOW - 540,
        (("count", TypeSpec("int", "int")),),
        (ValueView("draft", "str 1.2k", "What to change?", text=_DRAFT),),
    ),
)
ROWS = (
    RunRow("rag-eval-7", "running", "rag-eval", NOW - 41, 41, "fork @3 of rag-eval-5: top_k 50→20"),
    RunRow("batch-12", "running", "scrape", NOW - 150, 150, "", 10_000, 37),
    RunRow("pub-31", "paused", "publish", NOW - 11_520, 2.1, "approval: Publish this draft?"),
    RunRow("rag-eval-6", "failed", "rag-eval", NOW - 4_000, 48, f"rag/rerank {_TIMEOUT}"),
    RunRow("rag-eval-5", "failed", "rag-eval", NOW - 9_000, 50, f"rag/rerank {_TIMEOUT}"),
    *(
        RunRow(f"nightly-{60 - day}", "stopped" if day % 9 == 0 else "completed", "report", NOW - 86_400 * (day + 1), 120 + day)
        for day in range(60)
    ),
)
COMPARISON = Comparison(
    "rag-eval-5", "rag-eval-7", "failed", "completed", ("input top_k 50 → 20", "code of rerank 8e789f → 1c02aa"),
    (
        DiffRow("load_docs", 1, "completed", "", "kept", "", 0.812, 0, False, False),
        DiffRow("clean", 1, "completed", "", "kept", "", 0.095, 0, False, False),
        DiffRow(
            "rag/retrieve", 1, "completed", "docs: 50 items", "completed", "20 items", 2.9, 2.6, True, True,
            (("docs", "list[50] a, b, c", "list[20] a, b", "30 removed, 0 added, order same"),),
        ),
        DiffRow("rag/rerank", 1, "failed", "TimeoutError", "completed", "list[20]", 10, 3.9, True, False),
        DiffRow("generate", 1, "skipped", "did not run", "completed", "str 1.1k", None, 5.2, True, False),
    ),
)  # fmt: skip


class Feed:
    """One run that stands still until a test says otherwise."""

    def __init__(self, view: RunView) -> None:
        self.view = view
        self.fresh = True
        self.closed = False

    @property
    def run_id(self) -> str:
        return self.view.id

    def put(self, view: RunView) -> None:
        self.view, self.fresh = view, True

    def poll(self) -> RunView | None:
        if not self.fresh:
            return None
        self.fresh = False
        return self.view

    def latest(self) -> RunView:
        return self.view

    def at(self, superstep: int) -> RunView:
        shown = {path: node for path, node in self.view.nodes.items() if node.superstep is not None and node.superstep <= superstep}
        return replace(self.view, nodes=shown, live=False)

    def moment(self, moment: Moment) -> RunView:
        return self.at(moment.superstep or 0)

    def step(self, here: Moment | None, by: int, *, wide: bool = False) -> Moment | None:
        del wide
        last = self.view.last_superstep or 0
        at = (last if here is None or here.superstep is None else here.superstep) + by
        return None if at > last else Moment(max(0, at), 0.0, max(0, at) + 1, last + 1)

    def item(self, number: int) -> ItemView | None:
        return ItemView(
            inputs="url=https://slow.example/a/9",
            nodes=(("fetch", "failed"), ("parse", "waiting"), ("embed", "waiting")),
            error='File "scrape.py", line 41, in fetch\nTimeoutError: read timed out (10s)',
        )

    def close(self) -> None:
        self.closed = True


class FakeRecalling:
    """Knows what was kept for one graph."""

    def known(self, graph: GraphView) -> list[Recalled]:
        if graph.name != "rag-eval":
            return []
        return [
            Recalled("sky", True, {"query": "why is the sky blue?", "top_k": "50"}, (), NOW - 86_400),
            Recalled("rag-eval-7", False, {"query": "why is the sky blue?"}, (), NOW - 41),
            Recalled("batch-12", False, {"query": "[why?, how?]"}, ("query",), NOW - 3_600),
        ]


class FakeStudio:
    """What the screens ask of the services, and what they told them to do."""

    store_label = "runs.db"
    store_path = ".hypergraph/runs.db"
    settings = Settings()
    trouble: str | None = None

    def __init__(self, *, modules: Sequence[ModuleView] = MODULES, rows: Sequence[RunRow] = ROWS, read_only: bool = False) -> None:
        self.read_only = read_only
        self.loaded = tuple(modules)
        self.rows = list(rows)
        self.waiting_pauses = list(PAUSES)
        self.views = {view.id: view for view in (LIVE, FAILED, BATCH)}
        self.feeds: dict[str, Feed] = {}
        self.done: list[tuple[Any, ...]] = []
        self.outcome = Outcome(run_id="rag-eval-7")
        self.forecast_given = FORECAST
        self.marked: str | None = None
        self.recalling: Any = FakeRecalling()
        self.prefilled: dict[str, str] = {}

    @property
    def waiting(self) -> int:
        return len(self.waiting_pauses)

    async def start(self) -> None:
        self.done.append(("start",))

    async def close(self) -> None:
        self.done.append(("close",))

    def goodbye(self) -> str:
        return "1 run keeps going"

    def modules(self) -> tuple[ModuleView, ...]:
        return self.loaded

    def last_runs(self) -> dict[str, RunRow]:
        return {"rag-eval": ROWS[0]} if self.rows else {}

    def reload(self, target: str) -> None:
        self.done.append(("reload", target))

    # Launch.

    def is_prefilled(self, _graph: str) -> bool:
        return bool(self.prefilled)

    def draft(self, graph: str) -> dict[str, str]:
        return self.prefilled

    def keep_draft(self, graph: str, texts: Mapping[str, str]) -> None:
        pass

    def prefill(self, run_id: str) -> None:
        self.prefilled = {"query": "why is the sky blue?"}

    def check_text(self, given: InputField, text: str, *, mapped: bool) -> str | None:
        if given.type.kind == "int" and not mapped and not text.lstrip("-").isdigit():
            return f"{text!r} is no int"
        return None

    def plan(self, graph: GraphView, *, texts: Mapping[str, str], runner: str, map_over: tuple[str, ...], **_more: Any) -> LaunchPlan:
        given = ", ".join(f'"{name}": {text!r}' for name, text in texts.items())
        return LaunchPlan(
            texts,
            runner,
            map_over,
            "12 \N{MULTIPLICATION SIGN} 50 = 600 items" if len(map_over) > 1 else "12 items" if map_over else "",
            (
                (True, "all inputs fit their types"),
                (True, f"{runner} fits this graph"),
                (None, "stored in .hypergraph/runs.db as rag-eval-8"),
            ),
            f'result = await runner.run({graph.name.replace("-", "_")}, {{{given}}}, workflow_id="rag-eval-8")',
            "script",
        )

    async def launch(self, plan: LaunchPlan) -> Outcome:
        self.done.append(("launch", dict(plan.texts)))
        return self.outcome

    # Runs.

    def newest_run(self) -> str | None:
        return self.rows[0].id if self.rows else None

    def watch(self, run_id: str) -> Feed:
        if run_id not in self.views:
            raise LookupError(f"No run is named {run_id!r} in this store.")
        self.feeds[run_id] = Feed(self.views[run_id])
        return self.feeds[run_id]

    def peek(self, run_id: str) -> RunView | None:
        return self.views.get(run_id, replace(FAILED, id=run_id))

    def runs(self, text: str, after: RunRow | None, limit: int) -> list[RunRow]:
        found = [row for row in self.rows if all(word in f"{row.id} {row.state} {row.graph}" for word in text.split())]
        start = 0 if after is None else [row.id for row in found].index(after.id) + 1
        return found[start : start + limit]

    def children(self, run_id: str, limit: int) -> list[RunRow]:
        return [RunRow(f"{run_id}/{n}", "completed", "scrape", NOW - 100, 1) for n in range(5)] if run_id == "batch-12" else []

    def counts(self, text: str) -> dict[str, int]:
        counted: dict[str, int] = {}
        for row in self.runs(text, None, len(self.rows)):
            counted[row.state] = counted.get(row.state, 0) + 1
        return counted

    def history_token(self) -> object:
        return len(self.rows)

    # Acts.

    async def forecast(self, act: Any) -> Forecast:
        self.done.append(("forecast", act))
        return self.forecast_given

    async def perform(self, act: Any) -> Outcome:
        self.done.append(("perform", act))
        return self.outcome

    def editable(self, run_id: str, name: str, preview: str) -> str:
        return preview

    async def about_ending(self, run_id: str, verb: Any) -> About:
        code = ending_code(verb, self.store_path, run_id)
        return About("the same as the run's", True, code.line, code.script)

    async def about_answer(self, pause: PauseView, given: Mapping[str, str]) -> About:
        del given
        python = f'result = await runner.run(review, {{"approved": True}}, workflow_id="{pause.run_id}")'
        return About("the same as the run's", True, python, "script")

    def refusal(self, run_id: str, claim: int) -> str:
        return ""

    def is_lost(self, run_id: str) -> bool:
        return False

    async def mark_lost(self, run_id: str, *, lost: bool = True) -> Outcome:
        self.done.append(("lost", run_id, lost))
        return Outcome(message=f"{run_id} is marked as lost.")

    async def stop(self, run_id: str) -> Outcome:
        self.done.append(("stop", run_id))
        return Outcome(message=f"{run_id} was asked to stop.")

    async def kill(self, run_id: str) -> Outcome:
        self.done.append(("kill", run_id))
        return Outcome(message=f"{run_id} was killed.")

    async def reveal(
        self, run_id: str, node: str | None, name: str, superstep: int | None, *, path: tuple[str, ...] = ()
    ) -> ValueNode | None:
        self.done.append(("reveal", run_id, name))
        return ValueNode("str", "hunter2", "hunter2")

    def mark(self, run_id: str) -> str | None:
        first, self.marked = self.marked, None if self.marked else run_id
        return first

    async def compare(self, a: str, b: str) -> Comparison:
        return replace(COMPARISON, a=a, b=b)

    # Inbox.

    def pauses(self) -> tuple[PauseView, ...]:
        return tuple(self.waiting_pauses)

    def check_answer(self, pause: PauseView, name: str, text: str) -> str | None:
        spec = dict(pause.asks)[name]
        return f"{name} has to be an int, not {text!r}" if spec.kind == "int" and not text.isdigit() else None

    def draft_answer(self, run_id: str, name: str) -> str:
        return ""

    def keep_answer_draft(self, run_id: str, texts: Mapping[str, str]) -> None:
        self.done.append(("draft", run_id, dict(texts)))

    async def answer(self, run_id: str, given: Mapping[str, str], *, asked: PauseView | None = None) -> Outcome:
        del asked
        self.done.append(("answer", run_id, dict(given)))
        self.waiting_pauses = [pause for pause in self.waiting_pauses if pause.run_id != run_id]
        return Outcome(message=f"{run_id} goes on.")

    async def bench(self, run_id: str, node: str, superstep: int | None, *, times: int, edits: Mapping[str, str]) -> BenchView:
        self.done.append(("bench", node, dict(edits)))
        rows = ((0.8, "list[118]", True), (0.7, "list[118]", True), (0.9, "list[117]", False))
        return BenchView(node, (), rows, "list[118]", 0.095)

    # Looking.

    async def value(self, run_id: str, node: str | None, name: str, superstep: int | None, *, path: tuple[str, ...]) -> ValueNode:
        if path:
            return ValueNode("Doc", "Doc(…)", "Doc(title='A', body='a long text')", (ValueChild("title", "str", "'A'"),))
        children = tuple(ValueChild(f"[{number}]", "Doc", f"title={number}", branches=True) for number in range(20))
        return ValueNode("list[120]", "", "[Doc(title='A'), …]", children, 100, "20 of 120 shown")

    def yank(self, what: str, run_id: str, node: str | None, superstep: int | None) -> str:
        return "" if what == "error" else f"{what} of {run_id}"

    def command_log(self) -> list[Any]:
        python = 'result = await runner.run(rag_eval, {"query": "why"}, workflow_id="rag-eval-7")'
        return [SimpleNamespace(at=NOW - 41, verb="launch", outcome="rag-eval-7", python=python)]

    def problems(self) -> list[Any]:
        return [
            SimpleNamespace(
                title="a run has no living process",
                detail="rag-eval-5: its process is gone · enter: resume it, fork it, or mark it as lost",
                address="hg:run/rag-eval-5",
                run="rag-eval-5",
            )
        ]

    def doctor(self) -> list[tuple[str, bool, str]]:
        return [("python", True, "3.11.7"), ("sqlite", False, "3.40.1 has a bug of its write-ahead log that 3.51.3 mends")]

    def addresses(self, *, limit: int, text: str) -> list[tuple[str, str, str]]:
        return [("run", row.id, f"hg:run/{row.id}") for row in self.rows if text in row.id][:limit]
