"""Whole files derived from the declaration: built, read back, and built again."""

import os

import pytest
from hypothesis import given

import mappedram
from mappedram.format import drivers
from mappedram.format.structures import RAMBLOCK_HEADER
from mappedram.format.typed import Fields
from mappedram.fuzz.derived import DerivedFile, files
from mappedram.io.opening import open_source
from mappedram.stream.model import of_kind
from mappedram.stream.rebuild import Compared, compare
from mappedram.stream.regions import regions
from tests.files import memory_file

PAIRS = [(one, other) for one in drivers.DRIVERS for other in drivers.DRIVERS]


@pytest.mark.parametrize(("writes", "reads"), PAIRS)
@given(file=files())
def test_what_one_builds_the_other_reads(
    file: DerivedFile, writes: drivers.DriverName, reads: drivers.DriverName
) -> None:
    """Values to bytes and back: the same structures at the same places, with the same values."""
    built = file.built(writes)
    with (
        memory_file(file.data) as fd,
        mappedram.open(fd, file.offset, driver=reads) as snapshot,
    ):
        found = snapshot.stream
    elements = built.elements
    if reads == "kaitai" and found.stopped:
        # Without footers, Kaitai's walk ends at the payload of a device.
        assert found.sections[-1].footer_id is None
        assert found.stopped.offset == found.end == found.sections[-1].payload_offset
        assert found.sections[-1].idstr != "ram"
        elements = elements[: len(found.elements)]
    else:
        assert found.stopped is None
        assert found.end == built.position == len(file.data)
    assert [(e.kind, e.path, e.offset, e.values) for e in found.elements] == [
        (e.kind, e.path, e.offset, e.values) for e in elements
    ]


@pytest.mark.parametrize("name", drivers.DRIVERS)
@given(file=files())
def test_bytes_to_values_and_back(file: DerivedFile, name: drivers.DriverName) -> None:
    if file.word_size != 8:
        return  # readers assume words of eight bytes, as all current hosts have
    with memory_file(file.data) as fd, open_source(fd) as source:
        assert isinstance(compare(source, file.offset, drivers.get(name)), Compared)


@given(file=files())
def test_pages_and_bitmaps_stand_where_they_may(file: DerivedFile) -> None:
    """Computed from the headers alone, without the code that chooses the places."""
    built = file.built()
    headers = list(of_kind(built.elements, RAMBLOCK_HEADER))
    ends = [e.offset for e in built.elements if e.offset > headers[-1].offset][:1]
    for header, following in zip(headers, [*(e.offset for e in headers[1:]), *ends], strict=True):
        values = header.values["mapped_ram"]
        assert values is not None
        size = file.word_size
        words = -(-header.values["used_length"] // values["page_size"]) + 8 * size - 1
        bitmap_end = header.end + words // (8 * size) * size
        assert values["bitmap_offset"] == header.end
        assert values["pages_offset"] % file.align == 0
        assert 0 <= values["pages_offset"] - bitmap_end < file.align
        assert following == values["pages_offset"] + header.values["used_length"]


@given(file=files())
def test_every_byte_has_one_region(file: DerivedFile) -> None:
    with memory_file(file.data) as fd, mappedram.open(fd, file.offset) as snapshot:
        found = regions(snapshot.stream)
        assert os.fstat(fd).st_size == len(file.data)
    position = 0
    for region in found:
        assert region.offset == position
        position = region.end
    assert position == len(file.data)
    assert {r.name for r in found if r.kind == "gap"} <= {"before the stream"}


@given(file=files())
def test_names_are_those_that_were_drawn(file: DerivedFile) -> None:
    with memory_file(file.data) as fd, mappedram.open(fd, file.offset) as snapshot:
        assert [block.idstr for block in snapshot.stream.blocks] == file.idstrs


@given(file=files())
def test_a_file_can_be_pasted(file: DerivedFile) -> None:
    assert eval(repr(file), {"DerivedFile": DerivedFile}) == file


def test_a_length_that_is_wrong_on_purpose() -> None:
    place: Fields = {"section_type": 4, "section_id": 1, "instance_id": 0, "version_id": 0}
    header: Fields = {"idstr": "a", "len_idstr": 2, **place}
    section: Fields = {"header": header, "payload": b"", "footer": {}}
    file = DerivedFile({"header": {}, "sections": [section], "configuration": None}, align=8)
    with pytest.raises(mappedram.BuildError):
        file.built()
