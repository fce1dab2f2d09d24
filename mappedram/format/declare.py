"""Construct declarations of structures: records of named fields, with docs from the spec."""

from dataclasses import dataclass
from typing import Any

from construct import Construct, Renamed, Subconstruct, ValidationError

from mappedram.format._spec import TYPES
from mappedram.format.judged import FieldRule, Judged
from mappedram.format.nesting import FieldMember, LeanStruct, NestedContext, parse_of
from mappedram.format.typed import Value
from mappedram.format.validity import ByParams, Scalar, Validity


class RefusedValueError(ValidationError):
    """A field holds a value with which the stream cannot be followed; `actual` is that value."""

    def __init__(self, actual: Scalar, validity: Validity, path: str | None = None) -> None:
        super().__init__(f"expected {validity.expected}, got {actual!r}", path)
        self.actual = actual


class Valid(Subconstruct):
    """Field restricted to the values that `validity` accepts, both when parsed and when built."""

    def __init__(self, subcon: Construct, validity: Validity | ByParams) -> None:
        super().__init__(subcon)
        self.validity = validity
        self._accepts = None if isinstance(validity, ByParams) else validity.accepts

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        value = self.subcon._parsereport(stream, context, path)
        self._refuse_others(value, context, path)
        return value

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
        self._refuse_others(obj, context, path)
        self.subcon._build(obj, stream, context, path)
        return obj

    def _refuse_others(self, value: Scalar, context: Any, path: str) -> None:
        if self._accepts and self._accepts(value):
            return
        validity = self.validity
        if isinstance(validity, ByParams):
            validity = validity.of(context["_params"])
        if not validity.accepts(value):
            raise RefusedValueError(value, validity, path)


@dataclass(slots=True)
class Trace:
    """Place of one field; `end` is None if reading the field failed."""

    path: str
    start: int
    end: int | None = None
    value: Value = None


class Field(FieldMember):
    """Named field that appends its place to the list in the parameter `trace`.

    `rules` are the rules about its value that do not stop a reader.
    """

    def __init__(
        self, subcon: Construct, name: str, docs: str, rules: tuple[FieldRule, ...] = ()
    ) -> None:
        super().__init__(subcon, name, f" -> {name}", docs)
        self.rules = rules

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        trace: list[Trace] = context["_params"]["trace"]
        outer = path.split(" -> ")[1:]
        if outer and context._index is not None:
            outer[-1] += f"[{context._index}]"
        entry = Trace("/".join([*outer, self.name]), stream.tell())
        trace.append(entry)
        entry.value = super()._parse(stream, context, path)
        entry.end = stream.tell()
        return entry.value


class _Fields(LeanStruct):
    """Fields of a record. Without a trace, parsing bypasses `Field`.

    No path is needed then: after a failure, the record is parsed again with a trace.
    """

    def __init__(self, *fields: Field) -> None:
        super().__init__(*fields)
        self._straight = [(field.name, parse_of(field.subcon)) for field in fields]

    def _parse(self, stream: Any, context: Any, path: str) -> NestedContext:
        if context._params.get("trace") is not None:
            return super()._parse(stream, context, path)
        inside = NestedContext(stream, context)
        for name, parse in self._straight:
            inside[name] = parse(stream, inside, path)
        return inside


def record(name: str, /, **fields: Construct | Judged) -> Construct:
    """Declare a Struct for the type `name` of the spec: one field per argument, in order.

    The type and its fields take their docs from the `.ksy`. A field that the spec lacks raises
    `KeyError` on import.
    """
    spec = TYPES[name]
    docs = {field.name: field.doc for field in spec.fields}
    members = [
        Field(field.subcon, key, docs[key], field.rules)
        if isinstance(field, Judged)
        else Field(field, key, docs[key])
        for key, field in fields.items()
    ]
    return Renamed(_Fields(*members), newname=name, newdocs=spec.doc)


def beginning(declaration: Construct, last: str) -> Construct:
    """The fields of a record up to and with `last`, as a structure of their own."""
    members = declaration.subcon.subcons
    names = [member.name for member in members]
    return _Fields(*members[: names.index(last) + 1])
