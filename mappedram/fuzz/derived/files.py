"""Small whole files, drawn part by part from the declaration of a file.

>>> from hypothesis import given
>>> from mappedram.fuzz.derived import files
>>> @given(files())
... def test_blocks(file):
...     assert [block.name for block in my_parser.read(file.data)] == file.idstrs

Offsets, lengths and totals are never drawn: they follow from the declaration.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from mappedram.format import drivers, file
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
    RAM_SAVE_FLAG_MASK,
    RAM_SECTION_IDSTR,
    TARGET_PAGE_SIZE_MAX,
    TARGET_PAGE_SIZE_MIN,
    CommandType,
    SectionType,
)
from mappedram.format.drivers import DriverName
from mappedram.format.grammar import Said
from mappedram.format.structures import RAMBLOCK_HEADER
from mappedram.format.typed import Fields
from mappedram.fuzz.derived.structures import Overrides, records, written
from mappedram.stream.model import of_kind
from mappedram.stream.writer.build import Built

#: Most pages and bytes of a block; most blocks, and sections of one kind.
_PAGES_MAX, _LENGTH_MAX, _FEW_MAX = 70, 1 << 17, 3
#: Alignments of pages; QEMU's writer uses 1 MiB.
_ALIGNMENTS = tuple(1 << bits for bits in (3, 8, 12, 14, 20))
_UINT32 = st.integers(0, 2**32 - 1)
#: Names that distinguish a section from other bytes if only a footer ends the one before.
_NAMES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)
#: State of a device, without the first byte of a footer, so that it cannot hold a footer.
_STATES = st.lists(
    st.integers(0, 0xFF).filter(lambda byte: byte != SectionType.FOOTER), max_size=40
).map(bytes)


@dataclass(frozen=True)
class DerivedFile:
    """One file as values; its `repr` can be pasted into a test.

    Attributes:
        values: values of `mappedram.format.file.Stream`.
        align: alignment of pages, in bytes.
        word_size: bytes of an `unsigned long` on the supposed host.
        offset: where the stream begins.
    """

    values: Fields
    align: int
    word_size: int = 8
    offset: int = 0

    def __repr__(self) -> str:
        places = f"align={self.align}, word_size={self.word_size}, offset={self.offset}"
        return f"DerivedFile({written(self.values)}, {places})"

    def built(self, driver: DriverName = "construct") -> Built:
        """The structures with their places, and their bytes.

        Raises:
            BuildError: a value is missing, or does not fit its field.
        """
        built = Built(
            drivers.get(driver),
            self.offset,
            said=Said(mapped_ram=True),
            align=self.align,
            word_size=self.word_size,
        )
        built.add(file.Stream, self.values)
        return built

    @cached_property
    def data(self) -> bytes:
        """The file; its bitmaps are empty, and its pages zeros."""
        built = self.built()
        data = bytearray(built.position)
        for offset, piece in built.pieces:
            data[offset : offset + len(piece)] = piece
        return bytes(data)

    @property
    def idstrs(self) -> list[str]:
        """Names of the blocks, in the order of the file."""
        headers = of_kind(self.built().elements, RAMBLOCK_HEADER)
        return [header.values["idstr"] for header in headers]


@st.composite
def files(draw: DrawFn) -> DerivedFile:
    """Files that every field permits, and that a reader can follow to their end."""
    has_addr = draw(st.booleans())
    capabilities = [CAPABILITY_X_IGNORE_SHARED] * has_addr + [CAPABILITY_MAPPED_RAM]
    has_configuration = has_addr or draw(st.booleans())
    footer: Fields | None = {} if draw(st.booleans()) else None
    ram_id, *ids = draw(st.lists(_UINT32, min_size=7, max_size=7, unique=True))
    early, late = (
        [draw(_device(ids.pop(), footer)) for _ in range(draw(st.integers(0, most)))]
        # Before RAM, a reader does not know yet whether there are footers.
        for most in (_FEW_MAX if footer is not None else 0, _FEW_MAX)
    )
    part: Fields = {"payload": {"records": []}, "footer": footer}
    parts, end = (
        {"header": {"section_type": kind, "section_id": ram_id}, **part}
        for kind in (SectionType.PART, SectionType.END)
    )
    devices = early + late
    # Without footers, only the text tells the length of the state of a device.
    has_text = footer is None or draw(st.booleans())
    text = _description(devices if footer is None else devices[::2])
    return DerivedFile(
        {
            "header": {},
            "configuration": draw(_configuration(capabilities)) if has_configuration else None,
            "sections": [
                *early,
                draw(_ram_start(ram_id, footer, has_addr=has_addr)),
                *[parts] * draw(st.integers(0, _FEW_MAX)),
                *draw(st.lists(_commands(), max_size=_FEW_MAX)),
                end,
                *late,
                {"header": {"section_type": SectionType.EOF}},
            ],
            "description": [{"text": text}] if has_text else [],
        },
        align=draw(st.sampled_from(_ALIGNMENTS)),
        word_size=draw(st.sampled_from((4, 8))),
        offset=draw(st.sampled_from((0, 1, 0xFFF, 0x1000))),
    )


@st.composite
def _device(draw: DrawFn, section_id: int, footer: Fields | None) -> Fields:
    header: Fields = {
        "section_type": SectionType.FULL,
        "section_id": section_id,
        "idstr": draw(_NAMES.filter(lambda name: not name.endswith(tuple(file.LIVE_PAYLOADS)))),
        "instance_id": draw(_UINT32),
        "version_id": draw(_UINT32),
    }
    return {"header": header, "payload": draw(_STATES), "footer": footer}


@st.composite
def _ram_start(draw: DrawFn, section_id: int, footer: Fields | None, *, has_addr: bool) -> Fields:
    page_size = 1 << draw(
        st.integers(TARGET_PAGE_SIZE_MIN.bit_length() - 1, TARGET_PAGE_SIZE_MAX.bit_length() - 1)
    )
    # The low bits of the total length are flags.
    step = max(page_size, RAM_SAVE_FLAG_MASK + 1)
    most = min(_PAGES_MAX, _LENGTH_MAX // step)
    lengths = st.integers(0, most).map(lambda steps: steps * step)
    overrides: Overrides = {
        "*/used_length": lengths,
        "*/mapped_ram/page_size": page_size,
    }
    headers = records(
        "ramblock_header", overrides, has_page_size=0, has_addr=has_addr, has_mapped_ram=1
    )
    blocks = [
        {"header": _without_places(record.values)}
        for record in draw(st.lists(headers, min_size=1, max_size=_FEW_MAX))
    ]
    start: Fields = {
        "section_type": SectionType.START,
        "section_id": section_id,
        "idstr": RAM_SECTION_IDSTR,
        "instance_id": draw(_UINT32),
        "version_id": draw(_UINT32),
    }
    return {"header": start, "payload": {"records": [{"blocks": blocks}]}, "footer": footer}


def _without_places(header: Fields) -> Fields:
    """The header of a block without the values that follow from its place."""
    derived = {"bitmap_offset", "pages_offset"}
    mapped_ram = header["mapped_ram"]
    assert isinstance(mapped_ram, Mapping)
    left = {name: value for name, value in mapped_ram.items() if name not in derived}
    return {**header, "mapped_ram": left}


@st.composite
def _commands(draw: DrawFn) -> Fields:
    """A command that QEMU knows; PACKAGED with the stream in it."""
    known = st.sampled_from([kind for kind in CommandType if kind != CommandType.INVALID])
    command = draw(known)
    packaged = draw(_STATES) if command == CommandType.PACKAGED else None
    header: Fields = {
        "section_type": SectionType.COMMAND,
        "command": command,
        "data": draw(st.binary(max_size=8)) if packaged is None else _length(packaged),
    }
    return {"header": header, "packaged": packaged}


def _length(packaged: bytes) -> bytes:
    """The data of PACKAGED."""
    return len(packaged).to_bytes(4, "big")


@st.composite
def _configuration(draw: DrawFn, capabilities: list[str]) -> Fields:
    listed: Fields = {"capabilities": [{"name": name} for name in capabilities]}
    bodies = {
        "configuration/target-page-bits": records("target_page_bits"),
        "configuration/uuid": records("uuid"),
    }
    others: list[Fields] = [
        {"subsection": {"idstr": idstr, "body": draw(body).values}}
        for idstr, body in bodies.items()
        if draw(st.booleans())
    ]
    announced: Fields = {"subsection": {"idstr": "configuration/capabilities", "body": listed}}
    header = draw(records("configuration_header")).values
    return {
        "header": header,
        "subsections": draw(st.permutations([*others, announced])),
    }


def _description(devices: list[Any]) -> bytes:
    """A JSON text with the lengths of the payloads of these devices."""
    described = [
        {
            "name": device["header"]["idstr"],
            "instance_id": device["header"]["instance_id"],
            "fields": [{"name": "state", "type": "buffer", "size": len(device["payload"])}],
        }
        for device in devices
    ]
    return json.dumps({"devices": described}).encode()
