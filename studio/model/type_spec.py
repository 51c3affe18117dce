"""What an input or an answer takes, as data that travels between processes: the type's shape without the type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FieldSpec", "TypeSpec"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a dataclass, a model or a typed dict."""

    name: str
    type: TypeSpec
    required: bool = True


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """A type's shape.

    Attributes:
        kind: "any", "bool", "int", "float", "complex", "str", "bytes", "bytearray", "path", "date", "datetime", "time", "timedelta",
            "decimal", "fraction", "uuid", "pattern", "literal", "enum", "list", "set", "tuple", "dict", "union", "record" (dataclass,
            model, typed dict), "array" and "table" (literals or files), "made" (a class that is made from one text or number) or
            "object" (a class of which only Python code can make an instance: a module's own is named).
        label: the annotation as it is shown.
        choices: the admissible values as texts, where the type lists them.
        nullable: None is fine too.
        members: of a list or set its element, of a dict key and value, of a tuple each place, of a union each choice.
        fields: of a record.
        constraints: bounds: "ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of", "pattern"; "variadic" for
            `tuple[int, ...]`, "flags" for an enum whose members combine.
        cls: "module:name" of the class, where values are made by calling it.
    """

    kind: str
    label: str
    choices: tuple[str, ...] = ()
    nullable: bool = False
    members: tuple[TypeSpec, ...] = ()
    fields: tuple[FieldSpec, ...] = ()
    constraints: Mapping[str, Any] = field(default_factory=dict)
    cls: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the spec as JSON primitives; what is empty is left out."""
        data: dict[str, Any] = {"kind": self.kind, "label": self.label}
        if self.choices:
            data["choices"] = list(self.choices)
        if self.nullable:
            data["nullable"] = True
        if self.members:
            data["members"] = [member.to_json() for member in self.members]
        if self.fields:
            data["fields"] = [[one.name, one.type.to_json(), one.required] for one in self.fields]
        if self.constraints:
            data["constraints"] = dict(self.constraints)
        if self.cls:
            data["cls"] = self.cls
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TypeSpec:
        """Read what `to_json` gave."""
        return cls(
            str(data["kind"]),
            str(data["label"]),
            tuple(str(text) for text in data.get("choices", ())),
            bool(data.get("nullable", False)),
            tuple(cls.from_json(member) for member in data.get("members", ())),
            tuple(FieldSpec(str(name), cls.from_json(spec), bool(required)) for name, spec, required in data.get("fields", ())),
            dict(data.get("constraints", {})),
            str(data.get("cls", "")),
        )

    def listed(self) -> TypeSpec:
        """Give the spec of a list of these: what an input takes that is mapped over."""
        return TypeSpec("list", f"list[{self.label}]", members=(self,))
