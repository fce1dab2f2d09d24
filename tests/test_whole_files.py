"""Whole files that follow from the declaration: built, read back, and built again."""

import os

import pytest
from hypothesis import given

import mappedram
from mappedram import drivers
from mappedram.derived import File, files
from mappedram.rebuild import Coverage, compare
from mappedram.regions import regions
from mappedram.source import Source
from tests.files import memory_file

PAIRS = [(one, other) for one in drivers.DRIVERS for other in drivers.DRIVERS]


@pytest.mark.parametrize(("writes", "reads"), PAIRS)
@given(file=files())
def test_what_one_builds_the_other_reads(
    file: File, writes: drivers.DriverName, reads: drivers.DriverName
) -> None:
    """Values to bytes and back: the same structures at the same places, with the same values."""
    built = file.built(writes)
    with (
        memory_file(file.data) as fd,
        mappedram.open(fd, file.offset, driver=reads) as snapshot,
    ):
        found = snapshot.stream
    assert found.stopped is None
    assert [(e.kind, e.path, e.offset, e.values) for e in found.elements] == [
        (e.kind, e.path, e.offset, e.values) for e in built.elements
    ]
    assert found.end == built.position == len(file.data)


@pytest.mark.parametrize("name", drivers.DRIVERS)
@given(file=files())
def test_bytes_to_values_and_back(file: File, name: drivers.DriverName) -> None:
    if file.word_size != 8:
        return  # a reader takes words of eight bytes, as all hosts of today have
    with memory_file(file.data) as fd, Source(fd) as source:
        assert isinstance(compare(source, file.offset, drivers.get(name)), Coverage)


@given(file=files())
def test_pages_and_bitmaps_stand_where_they_may(file: File) -> None:
    """Told by the headers alone, without the code that puts them there."""
    built = file.built()
    headers = [e for e in built.elements if e.kind == "ramblock_header"]
    ends = [e.offset for e in built.elements if e.offset > headers[-1].offset][:1]
    for header, following in zip(headers, [*(e.offset for e in headers[1:]), *ends], strict=True):
        values = header.values["mapped_ram"]
        size = file.word_size
        words = -(-header.values["used_length"] // values["page_size"]) + 8 * size - 1
        bitmap_end = header.end + words // (8 * size) * size
        assert values["bitmap_offset"] == header.end
        assert values["pages_offset"] % file.align == 0
        assert 0 <= values["pages_offset"] - bitmap_end < file.align
        assert following == values["pages_offset"] + header.values["used_length"]


@given(file=files())
def test_every_byte_has_one_region(file: File) -> None:
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
def test_names_are_those_that_were_drawn(file: File) -> None:
    with memory_file(file.data) as fd, mappedram.open(fd, file.offset) as snapshot:
        assert [block.idstr for block in snapshot.stream.blocks] == file.idstrs


@given(file=files())
def test_a_file_can_be_pasted(file: File) -> None:
    assert eval(repr(file), {"File": File}) == file


def test_a_length_that_is_wrong_on_purpose() -> None:
    header = {"section_type": 4, "section_id": 1, "idstr": "a", "len_idstr": 2}
    section = {"header": header | {"instance_id": 0, "version_id": 0}, "payload": b"", "footer": {}}
    file = File({"header": {}, "sections": [section], "configuration": None}, align=8)
    with pytest.raises(mappedram.BuildError):
        file.built()
