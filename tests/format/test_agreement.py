"""Construct and Kaitai describe the same format: declarations, places, values and refusals."""

import os
import re

import construct
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappedram import MappedRamError, Snapshot, UnsupportedError
from mappedram import open as open_snapshot
from mappedram.format import ELEMENTS, RECORDS, _spec, constants, drivers
from mappedram.format.drivers.base import Driver, RefusalError
from mappedram.format.members import members
from mappedram.format.structures import KINDS
from mappedram.format.typed import Params
from mappedram.stream.model import Stream
from tests.conftest import Fixtures, manifest
from tests.files import memory_file
from tools.generate import ksy

#: The fields of a qcow2 image up to the features of version 3.
QCOW2 = b"QFI\xfb\0\0\0\3" + bytes(15) + b"\x10" + bytes(48)
DRIVERS = [drivers.get(name) for name in drivers.DRIVERS]
#: Only in the `.ksy`: the walk along a whole file; in Construct it is `mappedram.format.file`.
WALK = "mapped_ram"
TYPES = [entry for entry in ksy.types() if entry.module != WALK]
INTEGERS = {"u1": ">B", "u2": ">H", "u4": ">L", "u8": ">Q"}


def test_same_types() -> None:
    assert {entry.name for entry in TYPES} == set(RECORDS)


@pytest.mark.parametrize("entry", TYPES, ids=lambda e: e.name)
def test_same_fields(entry: ksy.Type) -> None:
    declaration = RECORDS[entry.name]
    assert declaration.docs == entry.doc
    fields = members(declaration)
    assert [field.name for field in fields] == [field.name for field in entry.fields]
    for field, spec in zip(fields, entry.fields, strict=True):
        core = field.core
        assert field.docs == spec.doc
        assert (field.condition is not None) == bool(spec.condition), field.name
        if spec.type in INTEGERS and "is_be" in entry.params:
            orders = {is_be: case.fmtstr for is_be, case in core.cases.items()}
            big = INTEGERS[spec.type]
            assert orders == {True: big, False: big.replace(">", "<")}, field.name
        elif spec.type in INTEGERS:
            assert core.fmtstr == INTEGERS[spec.type], field.name
        elif spec.type == "str":
            assert core.encoding.upper() == "ISO-8859-1"
        elif spec.type.startswith("by "):
            assert isinstance(core, construct.Switch)
        elif spec.type:
            inner = core.subcon if isinstance(core, construct.Array) else core
            assert isinstance(core, construct.Array) == (spec.type == "capability")
            assert inner.subcons == RECORDS[spec.type].subcon.subcons
        else:
            assert isinstance(core, construct.Bytes)


def test_enumerations() -> None:
    """The constants of the package equal those of the spec, with QEMU's names."""
    enums = dict(ksy.enums())
    for value in enums["section_type"]:
        name = re.sub("QEMU_VM_(SECTION_)?", "", value.name)
        assert constants.SectionType[name] == value.value
    for value in enums["command_type"]:
        assert constants.CommandType[value.name.removeprefix("MIG_CMD_")] == value.value
    flags = {value.name: value.value for value in enums["ram_save_flag"]}
    for name in ("RAM_SAVE_FLAG_MEM_SIZE", "RAM_SAVE_FLAG_EOS", "RAM_SAVE_FLAG_CONTINUE"):
        assert getattr(constants, name) == flags[name]


def test_same_alignment() -> None:
    aligned = {(e.name, f.name): f.align for e in TYPES for f in e.fields if f.align != 1}
    usual = constants.MAPPED_RAM_FILE_OFFSET_ALIGNMENT
    assert aligned == {("mapped_ram_header", "pages_offset"): usual}
    (field,) = (f for f in _spec.TYPES["mapped_ram_header"].fields if f.name == "pages_offset")
    assert field.align == usual


def both(fixtures: Fixtures, name: str) -> list[Snapshot]:
    fixture = fixtures[name]
    return [
        open_snapshot(fixture.path, fixture.offset, driver=driver, partial=True)
        for driver in drivers.DRIVERS
    ]


@pytest.mark.parametrize("name", manifest())
def test_same_values_and_bytes_on_real_files(fixtures: Fixtures, name: str) -> None:
    construct_side, kaitai_side = both(fixtures, name)
    with construct_side, kaitai_side:
        assert_same_as_far_as_kaitai(construct_side.stream, kaitai_side.stream)
        for element in construct_side.stream.elements:
            spans = construct_side.fields(element)
            assert spans == kaitai_side.fields(element)
            places = [(0, 0), *((span.start, span.end) for span in spans)]
            assert [end for _, end in places[:-1]] == [start for start, _ in places[1:]]
            assert places[-1][1] == element.length


def assert_same_as_far_as_kaitai(mine: Stream, other: Stream) -> None:
    """Both walks are equal up to the place where Kaitai's may end: see `docs/languages.md`."""
    if mine.stopped == other.stopped:
        assert mine == other
        return
    assert other.elements == mine.elements[: len(other.elements)]
    assert other.areas == mine.areas[: len(other.areas)]
    stopped = other.stopped
    assert stopped is not None
    if mine.stopped is None or stopped.offset != mine.stopped.offset:
        unseen = str(stopped.path).endswith("/payload")  # of unknown length
        assert unseen or (isinstance(stopped, UnsupportedError) and not mine.mapped_ram)


PARAMS = st.fixed_dictionaries(
    {
        name: st.booleans()
        for name in ("has_page_size", "has_addr", "has_mapped_ram", "is_be", "is_extended")
    }
    | {"len_page": st.integers(8, 16).map(lambda bits: 1 << bits)}
)


def outcome(driver: Driver, kind: str, data: bytes, params: Params) -> object:
    try:
        return driver.parse(KINDS[kind], data, params), driver.spans(kind, data, params)
    except RefusalError as error:
        return error.path, error.start, error.short, error.actual


@given(st.sampled_from(sorted(ELEMENTS)), st.binary(max_size=80), PARAMS)
def test_same_outcome_on_any_bytes(kind: str, data: bytes, params: Params) -> None:
    first, second = (outcome(driver, kind, data, params) for driver in DRIVERS)
    assert first == second


@st.composite
def nearly_valid(draw: st.DrawFn) -> tuple[str, bytes, Params]:
    """A structure with a valid beginning, so that later fields are reached."""
    kind, head = draw(
        st.sampled_from(
            [
                ("stream_header", b"QEVM"),
                ("configuration_header", b"\7\0\0\0"),
                ("configuration_subsection", b"\5\x1econfiguration/target-page-bits"),
                ("configuration_subsection", b"\5\x1aconfiguration/capabilities\0\0\0\1\0\0\0"),
                ("configuration_subsection", b"\5\x12configuration/uuid"),
                ("section_start", b"\1"),
                ("section_start", b"\4"),
                ("section_part", b"\3"),
                ("command", b"\x08"),
                ("ramblock_header", b"\3ram"),
                ("libvirt_header", b"LibvirtQemudSave\0\0\0\0" + bytes(40)),
                ("libvirt_header", b"LibvirtQemudPart\2\0\0\0" + bytes(40)),
                ("qcow2_header", QCOW2.replace(b"\3", b"\2")),
                ("qcow2_header", QCOW2 + bytes(31) + b"\4\0\0\0\x68"),
                ("qcow2_header", QCOW2 + bytes(31) + b"\4\0\0\0\x70"),
                *(
                    ("qcow2_snapshot", bytes(13) + b"\3\0\4" + bytes(22) + bytes([0, size]))
                    for size in (0, 8, 17, 24, 30)
                ),
            ]
        )
    )
    return kind, head + draw(st.binary(max_size=60)), draw(PARAMS)


@given(nearly_valid())
def test_what_one_reads_both_write_alike(case: tuple[str, bytes, Params]) -> None:
    kind, data, params = case
    first, second = (outcome(driver, kind, data, params) for driver in DRIVERS)
    assert first == second
    if not isinstance(first, tuple) or not isinstance(first[0], tuple):
        return
    values, length = first[0]
    for driver in DRIVERS:
        assert driver.build(KINDS[kind], values, params) == data[:length]


def read_whole(data: bytes, size: int, driver: drivers.DriverName) -> Stream | MappedRamError:
    with memory_file(data) as fd:
        os.ftruncate(fd, size)
        try:
            with open_snapshot(fd, driver=driver, partial=True) as snapshot:
                return snapshot.stream
        except MappedRamError as error:
            return error


@pytest.fixture(scope="module")
def small_file(fixtures: Fixtures) -> tuple[bytes, int]:
    """Head of the smallest fixture and its full size; the rest is a hole."""
    path = fixtures["arm-1k"].path
    return path.read_bytes(), path.stat().st_size


@given(data=st.data())
def test_same_reading_of_mutated_files(small_file: tuple[bytes, int], data: st.DataObject) -> None:
    original, size = small_file
    mutated = bytearray(original)
    with memory_file(original) as fd, open_snapshot(fd) as snapshot:
        spans = [
            (element.offset + span.start, element.offset + span.end)
            for element in snapshot.stream.elements
            for span in snapshot.fields(element)
        ]
    for start, end in data.draw(st.lists(st.sampled_from(spans), min_size=1, max_size=3)):
        width = end - start
        value = data.draw(
            st.one_of(
                st.sampled_from([bytes(width), b"\0" * (width - 1) + b"\1", b"\xff" * width]),
                st.binary(min_size=width, max_size=width),
            )
        )
        mutated[start:end] = value[:width]
    cut = data.draw(st.one_of(st.just(size), st.integers(0, size)))
    first, second = (read_whole(bytes(mutated), cut, driver) for driver in drivers.DRIVERS)
    if isinstance(first, Stream) and isinstance(second, Stream):
        assert_same_as_far_as_kaitai(first, second)
    else:
        assert first == second
