"""Fields of a structure in the file, with their descriptions in the spec."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from mappedram.errors import FormatError
from mappedram.format._spec import TYPES
from mappedram.format.constants import (
    OFFSET_BITS,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MASK,
    RAM_SAVE_FLAG_MEM_SIZE,
    CommandType,
    SectionType,
)
from mappedram.format.drivers.base import RefusalError, Span
from mappedram.format.typed import Fields
from mappedram.format.validity import Scalar
from mappedram.printable import printable
from mappedram.stream.model import Element
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.text import size


class ShownField(NamedTuple):
    """One field: its path within the structure, its place in the file, value and meaning.

    `kind` is the type in the spec that declares it.
    """

    kind: str
    path: str
    offset: int
    length: int
    value: Scalar
    doc: str

    @property
    def name(self) -> str:
        """Name of the field, without the structure around it."""
        return self.path.rpartition("/")[2]


def fields_of(snapshot: OpenSnapshot, element: Element[object]) -> list[ShownField]:
    """The fields of `element` in file order.

    Raises:
        FormatError: the bytes have changed since the file was opened.
    """
    try:
        spans = snapshot.fields(element)
    except RefusalError as error:
        raise FormatError(
            "the file has changed while it was read", offset=element.offset, path=element.path
        ) from error
    return [_field(element, span) for span in spans]


def _field(element: Element[object], span: Span) -> ShownField:
    kind: str = element.kind
    *outer, name = span.path.split("/")
    for step in outer:
        kind = _inner_kind(step, element.fields)
    doc = next(field.doc for field in TYPES[kind].fields if field.name == name)
    offset = element.offset + span.start
    return ShownField(kind, span.path, offset, span.end - span.start, span.value, doc)


def _inner_kind(step: str, values: Fields) -> str:
    """Type in the spec of the structure in the field `step`."""
    if step == "body":
        return str(values["idstr"]).rpartition("/")[2].replace("-", "_")
    return "mapped_ram_header" if step == "mapped_ram" else "capability"


# Meanings of values, in QEMU's words.

_FLAGS = {
    RAM_SAVE_FLAG_MEM_SIZE: "RAM_SAVE_FLAG_MEM_SIZE",
    RAM_SAVE_FLAG_EOS: "RAM_SAVE_FLAG_EOS",
    RAM_SAVE_FLAG_CONTINUE: "RAM_SAVE_FLAG_CONTINUE",
}
#: QEMU names the others without SECTION.
_SECTIONS = (
    SectionType.START,
    SectionType.PART,
    SectionType.END,
    SectionType.FULL,
    SectionType.FOOTER,
)


def decoded(name: str, value: Scalar) -> str:
    """A value as shown beside the spec: names for numbers, sizes with units."""
    if name in _DECODERS:
        return _DECODERS[name](value)
    if isinstance(value, bytes):
        return _bytes(value)
    return f'"{printable(value)}"' if isinstance(value, str) else str(value)


def _bytes(value: bytes) -> str:
    text = value.decode("latin-1")
    return f'"{text}"' if text.isascii() and text.isprintable() and text else value.hex(" ")


def _section_type(value: int) -> str:
    kind = SectionType(value)
    prefix = "QEMU_VM_SECTION_" if kind in _SECTIONS else "QEMU_VM_"
    return f"{value:#04x} {prefix}{kind.name}"


def _command(value: int) -> str:
    known = value in set(CommandType)
    return f"{value} MIG_CMD_{CommandType(value).name}" if known else f"{value} (unknown command)"


def _flags(value: int) -> str:
    names = [name for flag, name in _FLAGS.items() if value & flag]
    rest = value & RAM_SAVE_FLAG_MASK & ~sum(_FLAGS)
    if rest:
        names.append(f"{rest:#x}")
    above = value & ~RAM_SAVE_FLAG_MASK
    if above:
        names.append(f"{above:#x} ({size(above)})")
    return " | ".join(names)


def _size(value: int) -> str:
    return f"{value:#x} ({size(value)})"


def _page_bits(value: int) -> str:
    return f"{value} (pages of {size(1 << value)})" if value < OFFSET_BITS else str(value)


_DECODERS: dict[str, Callable[[Any], str]] = {
    "section_type": _section_type,
    "command": _command,
    "total_and_flags": _flags,
    "flags": _flags,
    "used_length": _size,
    "page_size": _size,
    "vmdesc_len": _size,
    "addr": hex,
    "bitmap_offset": hex,
    "pages_offset": hex,
    "target_page_bits": _page_bits,
    "uuid": lambda raw: str(UUID(bytes=raw)),
}
