"""The generated root class follows a file as the reader does, complete or truncated."""

import os
import subprocess
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kaitaistruct import EndOfStreamError, KaitaiStream, ValidationNotEqualError

from mappedram import open as open_snapshot
from mappedram.format.constants import SectionType
from tests.conformance import vectors
from tests.conformance.reading import Reading, expected
from tests.conformance.test_vectors import told
from tests.conftest import Fixtures, manifest

MappedRam: Any = import_module("mappedram.format.kaitai.mapped_ram").MappedRam
#: Reads a file with the generated parser, and returns its reading.
driver: Any = import_module("tests.conformance.drivers.python.driver")

#: Real files of which the spec sees less than the reader, the reason, and the last section seen.
LESS = {
    "avr-plain": ("pages stand in the stream", "ram"),
    "background-snapshot-plain": ("pages stand in the stream", "ram"),
    "plain": ("pages stand in the stream", "ram"),
    "compress": ("pages stand in the stream", "ram"),
    "no-footers": ("only the JSON description tells where a device ends", "timer"),
    "no-footers-no-vmdesc": ("nothing tells where a device ends", "timer"),
}
#: Real files that end within a field of the last section, so that the parser raises.
THROWS = {"ignore-shared-failed"}
#: Live devices whose records the reader knows. So it finds the end of a state that ends a truncated
#: file; the spec needs its footer, and the next section behind.
KNOWN = ("dirty-bitmap", "spapr/htab", "s390-storage_attributes", "s390-skeys")
#: Most truncated versions of one file.
CUTS_MAX = 32

Place = tuple[int, int, int, int, int, int | None]


@pytest.mark.parametrize("name", manifest())
def test_same_sections_and_blocks(name: str, fixtures: Fixtures) -> None:
    fixture = fixtures[name]
    with (
        open_snapshot(fixture.path, fixture.offset, partial=True) as snapshot,
        fixture.path.open("rb") as file,
    ):
        stream = KaitaiStream(file)
        stream.seek(fixture.offset)
        root = MappedRam(stream)
        if name in THROWS:
            with pytest.raises(EndOfStreamError):
                root._read()
            root.sections.pop()  # the section that the end of the file cuts
        else:
            root._read()
        sections = [one for one in root.sections if one.section_type not in (5, 7)]
        theirs = [
            (s.type, s.offset, s.header_length, s.payload_length, s.length, s.footer_id)
            for s in snapshot.sections
        ]
        if name in LESS:
            last = theirs[len(sections) - 1]
            assert snapshot.sections[len(sections) - 1].idstr == LESS[name][1]
            assert (sections[-1].section_type, sections[-1].ofs_self) == last[:2]
            assert not sections.pop().is_followed
            assert len(sections) < len(theirs)
        elif name not in THROWS:
            assert len(sections) == len(theirs)
            assert root.ofs_rest == snapshot.stream.end
        assert [place(section) for section in sections] == theirs[: len(sections)]
        assert blocks_of(root) == [
            (block.offset, block.idstr, block.used_length, block.next_offset)
            for block in snapshot.stream.blocks
        ]
        if (text := snapshot.stream.vmdescription) and name not in LESS:
            assert root.sections[-1].ofs_payload == text.offset
            assert root.sections[-1].payload == os.pread(file.fileno(), text.length, text.offset)


def blocks_of(root: Any) -> list[tuple[int, str, int, int]]:
    """The RAM blocks: where each begins, its name and length, and where it ends."""
    return [
        (block.ofs_self, block.header.idstr, block.header.len_used, block.ofs_next)
        for section in root.sections
        if section.is_ram
        for record in section.ram.records
        for block in (record.blocks if record.has_blocks else ())
    ]


def place(section: Any) -> Place:
    """Type, offset, lengths of header, payload and section, and the section_id of the footer."""
    return (
        SectionType(section.section_type),
        section.ofs_self,
        section.ofs_payload - section.ofs_self,
        section.ofs_payload_end - section.ofs_payload,
        section.ofs_next - section.ofs_self,
        section.footer.section_id if section.has_footer else None,
    )


@pytest.mark.parametrize("name", manifest())
def test_same_where_the_file_is_cut(name: str, fixtures: Fixtures, tmp_path: Path) -> None:
    """Cut at boundaries of structures, and one byte before: same reading, or same refusal."""
    fixture = fixtures[name]
    with open_snapshot(fixture.path, fixture.offset, partial=True) as snapshot:
        ends = {element.end for element in snapshot.stream.elements}
        ends |= {section.end for section in snapshot.stream.sections}
    cuts = sorted({cut for end in ends for cut in (end - 1, end)}, reverse=True)
    cut_file = tmp_path / "cut"
    subprocess.run(["cp", "--sparse=always", fixture.path, cut_file], check=True)
    fd = os.open(cut_file, os.O_RDWR)
    try:
        for cut in cuts[:: -(-len(cuts) // CUTS_MAX)]:
            os.ftruncate(fd, cut)
            reading = told(driver.reading(str(cut_file), fixture.offset))
            right = expected(fd, fixture.offset).reading
            assert reading == right or ends_in_a_known_one(fd, fixture.offset, reading), cut
    finally:
        os.close(fd)


def ends_in_a_known_one(fd: int, offset: int, reading: Reading) -> bool:
    """Whether the spec stops at the state of a device of `KNOWN`, which ends the file."""
    if reading["verdict"] != "accepted":
        return False
    *sections, last = (s for s in reading["sections"] if s["header"]["section_type"] not in (5, 7))
    with open_snapshot(fd, offset, partial=True) as snapshot:
        theirs = snapshot.sections[len(sections)]
        assert [s["offset"] for s in sections] == [s.offset for s in snapshot.sections][
            : len(sections)
        ]
        known = theirs.idstr in KNOWN and theirs.end > snapshot.stream.file_size - 10
    return known and last["payload"] is None and reading["rest"] == theirs.payload_offset


@pytest.mark.parametrize("name", ["pc", "dirty-bitmaps", "virtio-mem"])
def test_padding_is_looked_at_only_by_who_asks(
    name: str, fixtures: Fixtures, tmp_path: Path
) -> None:
    cut_file = tmp_path / "padding"
    subprocess.run(["cp", "--sparse=always", fixtures[name].path, cut_file], check=True)
    blocks = [block for block in first_blocks(cut_file) if block.has_padding]
    assert blocks
    assert {block.padding for block in blocks} == {b""}
    with cut_file.open("r+b") as file:
        file.seek(blocks[0].header.mapped_ram.ofs_pages - 1)
        file.write(b"\1")
    spoiled, *others = (block for block in first_blocks(cut_file) if block.has_padding)
    with pytest.raises(ValidationNotEqualError, match="padding"):
        _ = spoiled.padding
    assert {block.padding for block in others} <= {b""}


def first_blocks(path: Path) -> list[Any]:
    root = MappedRam(KaitaiStream(BytesIO(path.read_bytes())))
    root._read()
    (section, *_) = (one for one in root.sections if one.is_ram)
    return list(section.ram.records[0].blocks)


#: Vectors to mutate. Those with the page size of the host are left out: if the file ends within its
#: four bytes, the reader uses the bytes that are present.
MUTATED = ("small", "live_devices", "no_footer_yet", "plain", "no_configuration", "no_footers")


@given(data=st.data())
def test_same_where_fields_are_wrong(data: st.DataObject) -> None:
    with vectors.VECTORS[data.draw(st.sampled_from(MUTATED))].file() as fd:
        with open_snapshot(fd, partial=True) as snapshot:
            spans = [
                (element.offset + span.start, span.end - span.start)
                for element in snapshot.stream.elements
                for span in snapshot.fields(element)
                if span.end > span.start
            ]
        for place, length in data.draw(st.lists(st.sampled_from(spans), min_size=1, max_size=3)):
            number = data.draw(st.sampled_from((0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10, 0x20, 0x7E, 0xFF)))
            right = os.pread(fd, length, place)
            value = data.draw(
                st.sampled_from((right[:-1] + bytes([number]), bytes([number]) * length))
            )
            os.pwrite(fd, value, place)
        if data.draw(st.booleans()):
            os.ftruncate(fd, data.draw(st.sampled_from(spans))[0] + data.draw(st.integers(0, 9)))
        reading = told(driver.reading(f"/proc/self/fd/{fd}", 0))
        assert reading == expected(fd, 0).reading
