"""Our `LeanStruct` parses, builds and fails like Construct's `Struct`, as declarations use it."""

from io import BytesIO
from typing import Any

import construct
import pytest
from construct import (
    Array,
    Bytes,
    Computed,
    Construct,
    If,
    Int8ub,
    Int16ub,
    Renamed,
    SizeofError,
    StreamError,
    this,
)

from mappedram.format.nesting import FieldMember, LeanStruct, NestedContext

MEMBERS: dict[str, Construct] = {
    "length": Int8ub,
    "data": Bytes(this.length),
    "more": If(this._params.has_more, Int16ub),
}


def members() -> list[Construct]:
    return [name / member for name, member in MEMBERS.items()]


@pytest.mark.parametrize("has_more", [0, 1])
def test_the_same_values_and_bytes(has_more: int) -> None:
    ours, theirs = LeanStruct(*members()), construct.Struct(*members())
    data = b"\x03abc\x01\x02"
    values = dict(theirs.parse(data, has_more=has_more))
    values.pop("_io")
    assert ours.parse(data, has_more=has_more) == values
    assert ours.build(values, has_more=has_more) == theirs.build(values, has_more=has_more)
    assert values["more"] == (0x102 if has_more else None)


@pytest.mark.parametrize("data", [b"", b"\x03ab", b"\x01a\x01"])
def test_the_same_end(data: bytes) -> None:
    for struct in (LeanStruct(*members()), construct.Struct(*members())):
        with pytest.raises(StreamError):
            struct.parse(data, has_more=1)


@pytest.mark.parametrize("missing", ["length", "data"])
def test_the_same_is_missing(missing: str) -> None:
    values = {"length": 1, "data": b"a", "more": 2}
    del values[missing]
    for struct in (LeanStruct(*members()), construct.Struct(*members())):
        with pytest.raises(KeyError, match=missing):
            struct.build(values, has_more=1)


def test_what_needs_no_value_is_built_without() -> None:
    made = LeanStruct("length" / Computed(7), "copy" / Computed(this.length))
    assert made.flagbuildnone
    built = made._build(None, BytesIO(), NestedContext(None), "")
    assert built == {"length": 7, "copy": 7}


def test_members_see_what_stands_around_them() -> None:
    """Also in arrays, and inside Construct's own `Struct`."""
    seen: list[tuple[Any, ...]] = []

    def note(context: Any) -> int:
        seen.append((context.own, context._.outer, context._params.given, context._index))
        return 0

    item = LeanStruct("own" / Int8ub, "noted" / Computed(note))
    for struct in (LeanStruct, construct.Struct):
        whole = struct("outer" / Int8ub, "items" / Array(2, item))
        whole.parse(b"\x09\x01\x02", given=5)
    assert seen == [(1, 9, 5, 0), (2, 9, 5, 1)] * 2


def test_a_context_has_items_as_attributes() -> None:
    outer = NestedContext(None)
    outer["given"] = 1
    inner = NestedContext("stream", outer)
    inner["name"] = 2
    assert (inner.name, inner._io, inner._, inner._params) == (2, "stream", outer, outer)
    assert inner["_params"] is outer
    assert inner == {"name": 2}
    with pytest.raises(AttributeError, match="other"):
        _ = inner.other
    with pytest.raises(KeyError, match="other"):
        _ = inner["other"]


def test_steps_make_the_path() -> None:
    class Noted(Construct):  # type: ignore[misc]
        def _parse(self, stream: Any, context: Any, path: str) -> str:  # noqa: ARG002
            return path

        def _build(self, obj: Any, stream: Any, context: Any, path: str) -> str:  # noqa: ARG002
            return path

    inner = LeanStruct(FieldMember(Noted(), "deep", "/deep"), FieldMember(Noted(), "same", ""))
    whole = LeanStruct(FieldMember(inner, "part", "/part"))
    expected = {"part": {"deep": "at/part/deep", "same": "at/part"}}
    assert whole._parse(None, NestedContext(None), "at") == expected
    values = {"part": {"deep": None, "same": None}}
    assert whole._build(values, None, NestedContext(None), "at") == expected


def test_hooks_are_called() -> None:
    found: list[int] = []
    told = Renamed(Int8ub, "a", newparsed=lambda value, _: found.append(value))
    LeanStruct(told, "b" / Int8ub).parse(b"\x01\x02")
    assert found == [1]


@pytest.mark.parametrize("has_more", [0, 1])
def test_the_size_of_values_is_that_of_what_is_built_of_them(has_more: int) -> None:
    params = {"has_more": has_more}
    struct = LeanStruct(*members(), "fixed" / LeanStruct("a" / Int16ub, "b" / Int8ub))
    values = {"length": 3, "data": b"abc", "more": 1, "fixed": {"a": 1, "b": 2}}
    assert struct.size(values, params) == len(struct.build(values, **params))


def test_no_size_of_what_is_of_any_size_within() -> None:
    struct = LeanStruct("within" / LeanStruct(*members()))
    with pytest.raises(SizeofError):
        struct.size({"within": {"length": 1, "data": b"a", "more": 1}}, {"has_more": 1})
    assert LeanStruct("a" / Int8ub, "b" / LeanStruct("c" / Int16ub)).sizeof() == 3
