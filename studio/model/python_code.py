"""Every act as the Python that does the same: a line to read, and a program that runs as it stands."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

from studio.model.forms import FormError, fit, in_turn, read
from studio.model.tables import table_code
from studio.model.type_spec import TypeSpec

__all__ = ["Call", "Code", "code_of", "expression", "identifier"]

_TEXTUAL: Final = {
    "path": "Path({})",
    "date": "date.fromisoformat({})",
    "datetime": "datetime.fromisoformat({})",
    "time": "time.fromisoformat({})",
    "decimal": "Decimal({})",
    "uuid": "UUID({})",
    "complex": "complex({})",
    "fraction": "Fraction({})",
    "pattern": "re.compile({})",
}
_IMPORTS: Final = {
    "os.environ[": "import os",
    "Path(": "from pathlib import Path",
    "date.fromisoformat(": "from datetime import date",
    "datetime.fromisoformat(": "from datetime import datetime",
    "time.fromisoformat(": "from datetime import time",
    "timedelta(": "from datetime import timedelta",
    "Decimal(": "from decimal import Decimal",
    "UUID(": "from uuid import UUID",
    "Fraction(": "from fractions import Fraction",
    "re.compile(": "import re",
}
_CALLED: Final = frozenset({"int", "float", "bool", "str", "bytes", "path", "decimal"})
_ANY: Final = TypeSpec("any", "any")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Code:
    """A call in one line, and a whole program."""

    line: str
    script: str


@dataclass(frozen=True, slots=True)
class Call:
    """What is called.

    Attributes:
        runner: class name of the runner.
        graph: the variable that holds the graph.
        module: its module's dotted name, "" for a file that has none.
        file: its file, where it is known.
        root: the folder that its imports start from.
        db: the checkpoint database.
        method: "run" or "map".
        values: name -> expression; None to pass no values.
        options: keyword -> expression.
        before: statements that come first ("cp = ...").
        caches: the graph has nodes that keep their results on disk.
        names: what the expressions need: names of the module, "module:name", and whole import statements.
    """

    runner: str
    graph: str
    module: str
    file: str | None
    root: str
    db: str
    method: str = "run"
    values: Mapping[str, str] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    caches: bool = False


def identifier(name: str) -> str:
    """Give a variable's name made from any name."""
    made = re.sub(r"\W+", "_", name).strip("_") or "graph"
    return made if not made[0].isdigit() else f"graph_{made}"


def expression(spec: TypeSpec, text: str, names: set[str] | None = None) -> str:
    """Give the Python expression of the value that a text stands for.

    Args:
        spec: the type's shape.
        text: what stands in the field.
        names: what the expression needs is added to it: classes ("module:name", or a name of the graph's own module), and imports.
    """
    try:
        return _written(spec, read(spec, text), names if names is not None else set())
    except FormError:
        return repr(text)


def _written(spec: TypeSpec, value: Any, names: set[str]) -> str:
    if value is None:
        return "None"
    if spec.kind == "union":
        return _of_member(spec, value, names)
    if spec.kind in {"array", "table"}:
        code, imports = table_code(spec.cls, value)
        names.update(imports)
        return code
    if spec.kind == "object" and isinstance(value, str):
        module, _, name = value.partition(":")
        names.add(f"import {module}")
        return f"{module}.{name}"
    if spec.kind == "made" or (spec.cls and spec.kind in _CALLED):
        return f"{_class(spec, names)}({value!r})"
    if spec.kind in _TEXTUAL and isinstance(value, str):
        return _TEXTUAL[spec.kind].format(repr(value))
    if spec.kind == "timedelta":
        return f"timedelta(seconds={value})"
    if spec.kind == "bytearray":
        return f"bytearray({value!r})"
    if spec.kind == "enum":
        name = _class(spec, names)
        return " | ".join(f"{name}.{member}" for member in str(value).split("|"))
    if spec.kind == "literal":
        return value if value.startswith(("'", '"')) or not all(_is_word(choice) for choice in spec.choices) else repr(value)
    if spec.kind == "record" and isinstance(value, dict):
        kinds = {one.name: one.type for one in spec.fields}
        inner = ", ".join(f"{name}={_written(kinds.get(name, _ANY), item, names)}" for name, item in value.items())
        return f"{_class(spec, names)}({inner})"
    if isinstance(value, list):
        members = spec.members
        single = members[0] if members and (spec.kind != "tuple" or "variadic" in spec.constraints) else None
        kinds = [single or (members[at] if at < len(members) else _ANY) for at in range(len(value))]  # type: ignore[assignment]
        inner = ", ".join(_written(kind, item, names) for kind, item in zip(kinds, value, strict=True))  # type: ignore[arg-type]
        if spec.kind == "tuple":
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if spec.kind == "set":
            made = f"{{{inner}}}" if value else "set()"
            return f"frozenset({made if value else ''})" if spec.label.startswith("frozenset") else made
        return f"{_class(spec, names)}([{inner}])" if spec.cls else f"[{inner}]"
    if isinstance(value, dict) and len(spec.members) == 2:
        keys, items = spec.members
        return "{" + ", ".join(f"{_written(keys, key, names)}: {_written(items, item, names)}" for key, item in value.items()) + "}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _of_member(spec: TypeSpec, value: Any, names: set[str]) -> str:
    """Write a value as the member of a union that takes it."""
    for member in in_turn(spec.members, spec.members, value):
        try:
            return _written(member, fit(member, value), names)
        except FormError:
            continue
    return repr(value)


def _is_word(choice: str) -> bool:
    return not (choice in {"True", "False"} or choice.lstrip("-")[:1].isdigit() or choice.startswith(("'", '"', "b'")))


def _class(spec: TypeSpec, names: set[str]) -> str:
    label = spec.label.partition(" |")[0]
    found = _NAME.match(label)
    name = spec.cls.partition(":")[2] or (found.group() if found is not None else "dict")
    # A class inside another one comes with the outer one.
    names.add(f"{spec.cls.partition(':')[0]}:{name.partition('.')[0]}" if spec.cls else name)
    return name


def code_of(call: Call) -> Code:
    """Give a call as code."""
    waits = call.runner == "AsyncRunner"
    arguments = [call.graph]
    if call.values is not None:
        arguments.append("{" + ", ".join(f"{name!r}: {text}" for name, text in call.values.items()) + "}")
    arguments += [f"{name}={text}" for name, text in call.options.items()]
    line = f"result = {'await ' if waits else ''}runner.{call.method}({', '.join(arguments)})"
    shown = "; ".join([*call.before, line])
    return Code(shown, _script(call, line, waits=waits))


def _script(call: Call, line: str, *, waits: bool) -> str:
    stores = call.runner != "DaftRunner"
    body = [
        *([f"store = SqliteCheckpointer({call.db!r})"] if stores else []),
        f"runner = {call.runner}({_runner_options(call)})",
        *call.before,
        line,
        "print(result)",
    ]
    body_text = "\n".join(body)
    standard = {statement for mark, statement in _IMPORTS.items() if mark in body_text}
    standard |= {name for name in call.names if name.startswith(("import ", "from "))}
    modules = [*(["import asyncio"] if waits else []), *_path_lines(call)[0]]
    head = sorted({*modules, *(one for one in standard if one.startswith("import"))})
    head += [*sorted(one for one in standard if one.startswith("from")), ""]
    ours = [call.runner, *(["SqliteCheckpointer"] if stores else []), *(["DiskCache"] if stores and call.caches else [])]
    head.append(f"from hypergraph import {', '.join(sorted(ours))}")
    head += ["", *_path_lines(call)[1]]
    if waits:
        inner = "\n".join(f"    {one}" for one in body)
        return "\n".join([*head, "", "", "async def main():", inner, "", "", "asyncio.run(main())", ""])
    return "\n".join([*head, "", body_text, ""])


def _runner_options(call: Call) -> str:
    if call.runner == "DaftRunner":
        return ""
    options = ["cache=DiskCache()"] if call.caches else []
    options.append("checkpointer=store")
    return ", ".join([*options, "sync_nodes='thread'"] if call.runner == "AsyncRunner" else options)


def _path_lines(call: Call) -> tuple[list[str], list[str]]:
    """Give the imports that are needed to reach the user's module, and the statements that reach it and what else is needed."""
    own, others = [call.graph], []
    for name in sorted(call.names):
        home, colon, inner = name.partition(":")
        if name.startswith(("import ", "from ")):
            continue
        if not colon or home == call.module or (not call.module and home.startswith(_loaded_as(call.file))):
            own.append(inner or home)
        else:
            others.append(f"from {home} import {inner}")
    if call.module:
        return ["import sys"], [f"sys.path.insert(0, {call.root!r})", f"from {call.module} import {', '.join(own)}", *others]
    return ["import runpy"], [f"module = runpy.run_path({call.file!r})", *(f"{name} = module[{name!r}]" for name in own), *others]


def _loaded_as(file: str | None) -> str:
    """Give how the name begins under which a file is loaded that no import could name."""
    return f"{PurePath(file or '').stem.replace('-', '_')}_"
