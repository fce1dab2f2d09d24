"""Words of the format, from the spec, for libFuzzer to insert into inputs."""

from collections.abc import Iterator

from mappedram.format import RECORDS
from mappedram.format.constants import CAPABILITY_MAPPED_RAM, CAPABILITY_X_IGNORE_SHARED
from mappedram.format.members import members
from mappedram.format.metadump import MAGIC as METADUMP_MAGIC
from mappedram.format.validity import OneOf, Validity
from mappedram.stream.vmstate.codecs import CODECS, GTREE, LISTS, STRUCTS
from tools.generate import ksy

#: Sizes, counts and offsets at borders.
_NUMBERS = (
    0,
    1,
    0x1000,
    0x10000,
    0x100000,
    0x7FFFFFFF,
    0xFFFFFFFF,
    1 << 60,
    1 << 63,
    (1 << 64) - 1,
)
#: Keys of the JSON text, and some of their values.
_WORDS = (
    *("vmsd_name", "version", "fields", "subsections", "name", "instance_id", "array_len", "index"),
    *("type", "size", "struct", "devices", "page_size", "configuration"),
)


def entries() -> list[bytes]:
    """All words in a fixed order, without duplicates."""
    return sorted(set(_entries()))


def text() -> str:
    """The dictionary in libFuzzer's format."""
    return "".join(f'"{_escaped(entry)}"\n' for entry in entries())


def _entries() -> Iterator[bytes]:
    for constant in _constants():
        yield constant
        yield bytes([len(constant)]) + constant
    for name, values in ksy.enums():
        for value in values:
            width = {"section_type": 1, "command_type": 2, "ram_save_flag": 8}.get(name, 4)
            yield value.value.to_bytes(width, "big")
    for kind in (1, 2, 3, 4, 0x7E):  # sections and footers with small numbers
        yield bytes([kind, 0, 0, 0, 1])
    for capability in (CAPABILITY_MAPPED_RAM, CAPABILITY_X_IGNORE_SHARED):
        yield bytes([len(capability)]) + capability.encode()
    yield METADUMP_MAGIC
    yield b"\3ram\0\0\0\0\0\0\0\4"
    for number in _NUMBERS:
        yield number.to_bytes(8, "big")
        yield (number & 0xFFFFFFFF).to_bytes(4, "big")
    for word in (*_WORDS, *CODECS, *LISTS, *STRUCTS, GTREE):
        yield f'"{word}"'.encode()


def _constants() -> Iterator[bytes]:
    """Texts and bytes that a field must hold."""
    for field in (field for record in RECORDS.values() for field in members(record)):
        rule = field.validity.canonical() if isinstance(field.validity, Validity) else None
        for value in rule.values if isinstance(rule, OneOf) else ():
            if not isinstance(value, int):
                yield value.encode() if isinstance(value, str) else value


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)
