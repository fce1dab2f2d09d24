"""The driver for the classes that Kaitai Struct generates into `mappedram.format.kaitai`."""

import struct
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import Any, cast

from kaitaistruct import (
    ConsistencyError,
    EndOfStreamError,
    KaitaiStream,
    ReadWriteKaitaiStruct,
    ValidationFailedError,
)

from mappedram.errors import BuildError
from mappedram.format._spec import TYPES, FieldSpec
from mappedram.format.drivers.base import Driver, RefusalError, Span
from mappedram.format.typed import Fields, Kind, Params, T

#: Types of fields that are structures, where the field name determines the type.
MEMBERS = {"mapped_ram": "mapped_ram_header", "xbzrle": "xbzrle_page"}
#: Types of values that need no conversion, the most common case.
_PLAIN = frozenset({int, str, bytes, type(None)})
#: No structure is longer, in bytes: the longest is a snapshot of a qcow2 image, with an id and a
#: name of 64 KiB each, and 1 KiB of extra data.
LONGEST = 1 << 18


class KaitaiDriver:
    """Reads and writes with the generated classes."""

    name = "kaitai"

    def parse(self, kind: Kind[T], data: bytes, params: Params) -> tuple[T, int]:
        """See `Driver.parse`."""
        parsed = self._read(kind, data, params)
        return values_of(parsed), parsed._io.pos()

    def spans(self, kind: str, data: bytes, params: Params) -> list[Span]:
        """See `Driver.spans`."""
        return list(_spans(self._read(kind, data, params), ""))

    def build(self, kind: Kind[T], values: T, params: Params) -> bytes:
        """See `Driver.build`."""
        stream = KaitaiStream(BytesIO(bytes(LONGEST)))
        try:
            _object(kind, cast("Fields", values), params)._write__seq(stream)
        except (
            ConsistencyError,
            ValidationFailedError,
            EndOfStreamError,
            KeyError,
            TypeError,
            AttributeError,
            ValueError,
            struct.error,
        ) as error:
            raise BuildError(f"{kind}: {error}") from error
        data: bytes = stream.to_byte_array()[: stream.pos()]
        return data

    def _read(self, kind: str, data: bytes, params: Params) -> ReadWriteKaitaiStruct:
        parsed = _new(kind, params, KaitaiStream(BytesIO(data)))
        try:
            parsed._read()
        except EndOfStreamError as error:
            raise refusal_of(kind, parsed, short=True) from error
        except ValidationFailedError as error:
            raise refusal_of(kind, parsed, short=False, actual=scalar(error.actual)) from error
        return parsed


@cache
def _class_of(kind: str) -> Any:
    """The generated class for a type of the spec."""
    path = TYPES[kind].path
    node: Any = import_module(f"mappedram.format.kaitai.{path[0]}")
    for name in path:
        node = getattr(node, _class_name(name))
    return node


def _new(kind: str, params: Params, *owner: Any) -> Any:
    """Create an empty object of the class for `kind`; `owner` is the stream, parent and root."""
    named = TYPES[kind].params
    if not named:
        return _class_of(kind)(*owner)
    return _class_of(kind)(*[params.get(name, False) for name in named], *owner)


@cache
def _class_name(ksy_id: str) -> str:
    return "".join(part.capitalize() for part in ksy_id.split("_"))


#: The fields of each generated class, filled on first use.
_FIELDS: dict[type, tuple[FieldSpec, ...]] = {}


def _fields(parsed: ReadWriteKaitaiStruct) -> tuple[FieldSpec, ...]:
    """The fields that the spec gives to the type of `parsed`."""
    found = _FIELDS.get(parsed.__class__)
    if found is None:
        name = type(parsed).__name__
        found = next(spec.fields for kind, spec in TYPES.items() if _class_name(kind) == name)
        _FIELDS[parsed.__class__] = found
    return found


def scalar(value: Any) -> Any:
    """A value as stored in the file: the number of an enumeration member."""
    return int(value) if isinstance(value, IntEnum) else value


def values_of(parsed: ReadWriteKaitaiStruct) -> Any:
    """The fields of a structure by QEMU's names."""
    return {
        field.name: _joined(parsed, field)
        if field.parts
        else _value(getattr(parsed, field.ksy_id, None))
        for field in _fields(parsed)
    }


def _joined(parsed: ReadWriteKaitaiStruct, field: FieldSpec) -> int:
    """Join a number that the `.ksy` reads in parts."""
    value = 0
    for ksy_id, bits in field.parts:
        value = value << bits | getattr(parsed, ksy_id)
    return int(value)


def _value(value: Any) -> Any:
    if value.__class__ in _PLAIN:
        return value
    if isinstance(value, ReadWriteKaitaiStruct):
        return values_of(value)
    if isinstance(value, list):
        return [_value(member) for member in value]
    return scalar(value)


def _spans(parsed: ReadWriteKaitaiStruct, prefix: str) -> Iterator[Span]:
    for field in _fields(parsed):
        value = getattr(parsed, field.ksy_id, None)
        path = prefix + field.name
        if field.parts:
            first, last = (parsed._debug[field.parts[place][0]] for place in (0, -1))
            yield Span(path, first["start"], last["end"], _joined(parsed, field))
        elif isinstance(value, list):
            for index, member in enumerate(value):
                yield from _spans(member, f"{path}[{index}]/")
        elif isinstance(value, ReadWriteKaitaiStruct):
            yield from _spans(value, f"{path}/")
        elif value is not None:
            place = parsed._debug[field.ksy_id]
            yield Span(path, place["start"], place["end"], scalar(value))


def refusal_of(
    kind: str, parsed: ReadWriteKaitaiStruct, *, short: bool, actual: Any = None
) -> RefusalError:
    """Refusal for the innermost field that was begun last."""
    path = ""
    while True:
        field = [entry for entry in _fields(parsed) if entry.ksy_id in parsed._debug][-1]
        value = getattr(parsed, field.ksy_id, None)
        path += field.name
        if isinstance(value, list):
            path += f"[{len(value) - 1}]"
            value = value[-1]
        if not isinstance(value, ReadWriteKaitaiStruct):
            start = parsed._debug[field.ksy_id]["start"]
            if field.parts and not short:  # the parts after the refused one were not read
                parsed._io.seek(start)
                actual = int.from_bytes(parsed._io.read_bytes(_size(field)), "big")
            return RefusalError(kind, path, start, short=short, actual=actual)
        path += "/"
        parsed = value


def _object(
    kind: str, values: Fields, params: Params, parent: ReadWriteKaitaiStruct | None = None
) -> ReadWriteKaitaiStruct:
    """Create an object that holds `values`, checked and ready to be written."""
    built = _new(kind, params, None, parent, parent and parent._root)
    if "is_be" in TYPES[kind].params:  # otherwise only known after reading
        built._is_le = not params.get("is_be", False)
    # Instances read bytes outside the structure, and are not written with it.
    for name in [name for name in vars(built) if name.endswith("__enabled")]:
        setattr(built, name, False)
    for field in TYPES[kind].fields:
        value = values[field.name]
        if field.parts:
            _set_parts(built, field, cast("int", value))
        else:
            setattr(built, field.ksy_id, _member(field, value, values, built))
    built._check()
    return built


def _set_parts(built: ReadWriteKaitaiStruct, field: FieldSpec, value: int) -> None:
    """Split a number into the parts that the `.ksy` reads."""
    for ksy_id, bits in reversed(field.parts):
        setattr(built, ksy_id, value & (1 << bits) - 1)
        value >>= bits
    if value:
        raise ValueError(f"{field.name}: more than {_size(field)} bytes")


def _size(field: FieldSpec) -> int:
    """Size in bytes of a field that is read in parts."""
    return sum(bits for _, bits in field.parts) // 8


def _member(field: FieldSpec, value: Any, values: Fields, parent: ReadWriteKaitaiStruct) -> Any:
    if isinstance(value, dict):
        kind = _member_kind(field, values)
        # Parameters have the same name in the outer and the inner structure.
        params = {name: getattr(parent, name) for name in TYPES[kind].params}
        return _object(kind, value, params, parent)
    if isinstance(value, list):
        return [_object("capability", member, {}, parent) for member in value]
    return value


def _member_kind(field: FieldSpec, values: Fields) -> str:
    """The type of a field that is a structure."""
    if field.name in MEMBERS:
        return MEMBERS[field.name]
    return str(values["idstr"]).rpartition("/")[2].replace("-", "_")


DRIVER: Driver = KaitaiDriver()
