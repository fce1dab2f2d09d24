"""The walk of Kaitai's generated class, and its comparison with Construct's in `check`."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import FormatError, TruncatedError, UnsupportedError
from mappedram.check import check, check_snapshot
from mappedram.check.walks import walks_difference
from mappedram.format import drivers
from mappedram.format.constants import SectionType
from mappedram.format.drivers.base import Driver
from mappedram.format.drivers.kaitai_driver import values_of
from mappedram.io.file_source import FileSource
from mappedram.io.opening import open_source
from mappedram.io.source import WINDOW, Source
from mappedram.stream.model import Stream
from mappedram.stream.reader import kaitai_walk, read_stream
from tests.conformance import vectors
from tests.conftest import Fixtures, manifest
from tests.files import copy_sparse, memory_file, patch
from tools.oracle import OracleBlock, OracleFile

CONSTRUCT, KAITAI = (drivers.get(name) for name in drivers.DRIVERS)
#: Files that Kaitai's declaration follows only up to some section, and why it stops there.
LESS = {
    "avr-plain": ("/sections[1]", "pages of a stream"),
    "background-snapshot-plain": ("/sections[1]", "pages of a stream"),
    "plain": ("/sections[1]", "pages of a stream"),
    "compress": ("/sections[1]", "pages of a stream"),
    "no-footers": ("/sections[4]/payload", "no footer shows"),
    "no-footers-no-vmdesc": ("/sections[4]/payload", "no footer shows"),
}
#: Maximum number of cuts in one file.
CUTS_MAX = 24
#: Number of structures per page of memory that a walk may use.
PAGE = 4096


def both(source: Source, offset: int) -> tuple[Stream, Stream]:
    """Results of both walks for a stream."""
    mine, other = (read_stream(source, offset, driver) for driver in (CONSTRUCT, KAITAI))
    return mine, other


def outcome(source: Source, offset: int, driver: Driver) -> Stream | FormatError:
    try:
        return read_stream(source, offset, driver)
    except FormatError as error:
        return error


def agree(source: Source, offset: int) -> None:
    """Both walks are equal, or differ as documented; `check` has no finding."""
    mine, other = (outcome(source, offset, driver) for driver in (CONSTRUCT, KAITAI))
    if not isinstance(mine, Stream) or not isinstance(other, Stream):
        assert mine == other
        return
    assert walks_difference(source, mine) is None
    if other.stopped and str(other.stopped.path).endswith("/payload"):
        elements = mine.elements[: len(other.elements)]
    elif isinstance(other.stopped, UnsupportedError):
        assert not mine.mapped_ram
        elements = mine.elements[: len(other.elements)]
    else:
        elements = mine.elements
        assert place(mine.stopped) == place(other.stopped)
    assert other.elements == elements
    assert other.areas == mine.areas[: len(other.areas)]


def place(error: FormatError | None) -> object:
    return error and (type(error), error.offset)


# Real files.


@pytest.mark.parametrize("name", manifest())
def test_same_walk_along_every_real_file(name: str, fixtures: Fixtures) -> None:
    fixture = fixtures[name]
    with open_source(fixture.path) as source:
        mine, other = both(source, fixture.offset)
        assert walks_difference(source, mine) is None
    if name not in LESS:
        assert other == mine
        return
    path, reason = LESS[name]
    assert isinstance(other.stopped, UnsupportedError)
    assert other.stopped.path == path
    assert reason in str(other.stopped)
    assert other.elements == mine.elements[: len(other.elements)]
    assert other.areas == mine.areas
    assert other.end == other.stopped.offset


@pytest.mark.parametrize("name", [name for name in manifest() if name != "dirty-bitmaps"])
def test_same_walk_where_a_file_is_cut(name: str, fixtures: Fixtures, tmp_path: Path) -> None:
    """At the boundaries of structures, and one byte before."""
    fixture = fixtures[name]
    with mappedram.open(fixture.path, fixture.offset, partial=True) as snapshot:
        ends = {element.end for element in snapshot.stream.elements}
        ends |= {section.end for section in snapshot.stream.sections}
    cuts = sorted({cut for end in ends for cut in (end - 1, end)}, reverse=True)
    copy = copy_sparse(fixture.path, tmp_path / "cut")
    for cut in cuts[:: -(-len(cuts) // CUTS_MAX)]:
        os.truncate(copy, cut)
        with open_source(copy) as source:
            agree(source, fixture.offset)


# Generated files.


@pytest.mark.parametrize("name", vectors.VECTORS)
def test_same_walk_along_every_vector(name: str) -> None:
    made = vectors.VECTORS[name]
    with made.file() as fd, open_source(fd) as source:
        agree(source, made.offset)


MUTATED = (
    "small",
    "early_full",
    "live_devices",
    "number_taken",
    "no_footer_yet",
    "commands",
    "plain",
    "no_configuration",
    "no_footers",
    "host_page_size",
)


@given(data=st.data())
def test_same_walk_where_fields_are_wrong(data: st.DataObject) -> None:
    with vectors.VECTORS[data.draw(st.sampled_from(MUTATED))].file() as fd:
        with mappedram.open(fd, partial=True) as snapshot:
            spans = [
                (element.offset + span.start, span.end - span.start)
                for element in snapshot.stream.elements
                for span in snapshot.fields(element)
                if span.end > span.start
            ]
        for offset, length in data.draw(st.lists(st.sampled_from(spans), min_size=1, max_size=3)):
            number = data.draw(st.sampled_from((*range(9), 0x10, 0x20, 0x7E, 0xFF)))
            right = os.pread(fd, length, offset)
            value = (right[:-1] + bytes([number]), bytes([number]) * length)
            os.pwrite(fd, data.draw(st.sampled_from(value)), offset)
        if data.draw(st.booleans()):
            os.ftruncate(fd, data.draw(st.sampled_from(spans))[0] + data.draw(st.integers(0, 9)))
        with open_source(fd) as source:
            mine, other = (outcome(source, 0, driver) for driver in (CONSTRUCT, KAITAI))
            if isinstance(mine, Stream) and isinstance(other, Stream):
                assert walks_difference(source, mine) is None
            else:
                assert mine == other


def test_errors_have_the_same_words(fixtures: Fixtures, tmp_path: Path) -> None:
    """For values that are wrong only in the context of the whole file."""
    pc = fixtures["pc"]
    with mappedram.open(pc.path) as snapshot:
        block = snapshot.place("/ram/blocks[1]", "mapped_ram/pages_offset")
        section = next(one for one in snapshot.sections if one.type == SectionType.FULL).offset
        size = snapshot.source.size
    for number, (offset, value) in enumerate(
        (
            (block, size.to_bytes(8, "big")),
            (block, (8).to_bytes(8, "big")),
            (section, b"\x09"),
        )
    ):
        copy = patch(copy_sparse(pc.path, tmp_path / str(number)), offset, value)
        with open_source(copy) as source:
            mine, other = both(source, 0)
        assert mine.stopped is not None
        assert mine == other


# Documented limits of the declaration.


def test_a_footer_within_the_state_of_a_device(fixtures: Fixtures, tmp_path: Path) -> None:
    """The first footer is a guess, which the JSON text corrects; without one, both guess alike."""
    for name, differs in (("pc", True), ("no-vmdesc", False)):
        with mappedram.open(fixtures[name].path) as snapshot:
            section = next(
                one
                for one in snapshot.sections
                if one.type == SectionType.FULL and one.payload_length > 64
            )
        assert section.section_id is not None
        footer = b"\x7e" + section.section_id.to_bytes(4, "big") + b"\x02\0\0\0\0"
        copy = copy_sparse(fixtures[name].path, tmp_path / name)
        patch(copy, section.payload_offset + 8, footer)
        with open_source(copy) as source:
            mine, other = both(source, 0)
            assert (mine.elements != other.elements) == differs
            assert walks_difference(source, mine) is None
        assert "MR005" not in {finding.code for finding in check(copy).findings}


def test_a_second_start_of_ram_takes_the_number() -> None:
    """PART of the first is then read as a device, which is not a defect of the file."""
    start = vectors.device(1, 7, struct_of_ram(), idstr=b"ram")
    with vectors.VECTORS["small"].file() as fd:
        with mappedram.open(fd) as snapshot:
            part = next(one for one in snapshot.sections if one.type != SectionType.START)
        data = os.pread(fd, os.fstat(fd).st_size, 0)
        os.pwrite(fd, start + data[part.offset :], part.offset)
        with open_source(fd) as source:
            mine, other = both(source, 0)
            assert mine.elements != other.elements
            assert walks_difference(source, mine) is None


def struct_of_ram() -> bytes:
    """A section of RAM without blocks: a total of 0, and EOS."""
    return (4).to_bytes(8, "big") + (0x10).to_bytes(8, "big")


def test_the_page_size_of_the_host_without_mapped_ram() -> None:
    """The `.ksy` cannot tell it from a record there; with mapped-ram it can."""
    for name, differs in ((b"mapped-ram", False), (b"mapped-raM", True)):
        with vectors.VECTORS["host_page_size"].file() as fd:
            head = os.pread(fd, PAGE, 0)
            os.pwrite(fd, name, head.index(b"mapped-ram"))
            with open_source(fd) as source:
                mine, other = both(source, 0)
                assert walks_difference(source, mine) is None
                headers = [
                    next(e for e in one.elements if e.kind == "ramblock_header")
                    for one in (mine, other)
                ]
        assert headers[0].params["has_page_size"]
        assert headers[1].params["has_page_size"] != differs


def test_a_block_device_goes_on_behind_the_stream(fixtures: Fixtures) -> None:
    path = fixtures["no-vmdesc"].path
    with memory_file(path.read_bytes() + b"\xff" * PAGE) as fd, open_source(fd) as source:
        source.is_device = True
        mine, other = both(source, 0)
        assert mine.stopped is None
        assert other.stopped is not None
        assert walks_difference(source, mine) is None


# Costs.


class Watched(FileSource):
    """Notes what is read."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd, "watched", owned=False)
        self.ranges: list[range] = []

    def read(self, offset: int, length: int) -> bytes:
        data = super().read(offset, length)
        self.ranges.append(range(offset, offset + len(data)))
        return data


def test_no_page_is_read() -> None:
    model = OracleFile([OracleBlock("a", 64 << 30), OracleBlock("b", 1 << 30)], parts=2)
    with memory_file() as fd:
        model.write(fd)
        with Watched(fd) as source:
            stream = read_stream(source, 0, KAITAI)
            assert stream.stopped is None
            assert max(map(len, source.ranges)) <= 2 * WINDOW
            assert sum(map(len, source.ranges)) < 1 << 20


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, owner: Any) -> Iterator[list[int]]:
    """Number of objects of a generated class that are created."""
    made: list[int] = []
    usual = owner.__init__

    def count(self: Any, *arguments: Any) -> None:
        made.append(1)
        usual(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(owner, "__init__", count)
        yield made


def test_parts_that_are_alike_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    model = OracleFile([OracleBlock("a", 1 << 20)], parts=5_000)
    with memory_file() as fd, counted(monkeypatch, ksy().StreamSection) as made:
        model.write(fd)
        with open_source(fd) as source:
            mine, other = both(source, 0)
        assert len(mine.sections) > 5_000
        assert mine == other
        assert len(made) < 20


def test_only_what_may_be_a_footer_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each 0x7e could be one: there are a million of them."""
    with vectors.VECTORS["small"].file() as fd:
        with mappedram.open(fd) as snapshot:
            end = next(one for one in snapshot.sections if one.type == SectionType.EOF)
        rest = os.pread(fd, os.fstat(fd).st_size, end.offset)
        device = vectors.device(4, 5, b"\x7e" * (1 << 20))
        os.pwrite(fd, device + rest, end.offset)
        with counted(monkeypatch, ksy().PayloadPiece) as made, open_source(fd) as source:
            mine, other = both(source, 0)
        assert mine.stopped is None
        assert mine == other
        assert len(made) < 10


def test_of_a_list_only_the_last_item_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import weakref

    alive: list[weakref.ref[Any]] = []
    most = 0
    usual = ksy().Ramblock.__init__

    def count(self: Any, *arguments: Any) -> None:
        nonlocal most
        usual(self, *arguments)
        alive.append(weakref.ref(self))
        if len(alive) % 500 == 0:
            gc.collect()
            most = max(most, sum(one() is not None for one in alive))

    monkeypatch.setattr(ksy().Ramblock, "__init__", count)
    model = OracleFile([OracleBlock(f"b{number}", 1 << 12) for number in range(2_000)], align=256)
    with memory_file() as fd:
        model.write(fd)
        with open_source(fd) as source:
            mine, other = both(source, 0)
    assert mine == other
    assert len(alive) == 2_000
    assert 0 < most < 10


def test_check_compares_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    model = OracleFile([OracleBlock(f"b{number}", 1 << 12) for number in range(300)], align=256)
    monkeypatch.setattr("mappedram.check.walks.WALKED_MAX", 100)
    with memory_file() as fd, counted(monkeypatch, ksy().Ramblock) as made:
        model.write(fd)
        with open_source(fd) as source:
            stream = read_stream(source, 0, CONSTRUCT)
            assert walks_difference(source, stream) is None
            assert 80 < len(made) <= 100


# `check` detects a wrong declaration of Kaitai.


def ksy() -> Any:
    """The generated root class."""
    return kaitai_walk.generated().MappedRam


def plus(more: int) -> Any:
    """A property with a value higher by `more`."""
    return lambda usual: property(lambda self: usual.fget(self) + more)


def says(value: object) -> Any:
    return lambda _: property(lambda _: value)


#: A class, a wrong property in it, its wrong value, and the first visible place in the file `pc`.
WRONG = {
    "bitmap without padding to words": (
        "Ramblock",
        "len_bitmap",
        lambda _: property(lambda self: -(-self.num_pages // 8) + 1),
        "/ram/blocks[0]/bitmap",
    ),
    "padding from elsewhere": ("Ramblock", "ofs_bitmap_end", plus(8), "/ram/blocks[0]/padding"),
    "no padding": ("Ramblock", "has_padding", says(value=False), "/ram/blocks[0]/padding"),
    "next block behind the bitmap": (
        "Ramblock",
        "ofs_next",
        lambda _: property(lambda self: self.ofs_bitmap_end),
        "/ram/blocks[1]",
    ),
    "a block in the way": ("Ramblock", "ofs_next", plus(1), "/ram/blocks[1]"),
    "no data": ("Ramblock", "has_data", says(value=False), "/ram/blocks[1]"),
    "no blocks": ("RamRecord", "has_blocks", says(value=False), "/ram/blocks[0]"),
    "EOS is a page": ("RamRecord", "is_page", says(value=True), "/sections[0]/mem_size"),
    "no mapped-ram": ("RamRecord", "has_mapped_ram", says(value=False), None),
    "no footers": ("StreamSection", "has_footer", says(value=False), "/sections[0]/footer"),
    "sections one byte on": ("StreamSection", "ofs_next", plus(1), None),
    "sections in another order": (
        "StreamSection",
        "has_vmdescription",
        says(value=False),
        "/sections[35]/header",
    ),
    "PART is not of RAM": ("StreamSection", "is_ram_part", says(value=False), "/sections[1]/eos"),
    "a long command": ("StreamSection", "len_header", plus(1), None),
    "any footer": ("PayloadPiece", "ofs_stop", plus(1), None),
    "no footer": ("PayloadPiece", "is_footer", says(value=False), None),
    "nothing begins a section": ("SectionLook", "is_section", says(value=False), None),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_declaration_is_told(
    wrong: str, fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, change, path = WRONG[wrong]
    file = fixtures["pc"].path
    generated = getattr(ksy(), owner)
    monkeypatch.setattr(generated, name, change(getattr(generated, name)))
    findings = check(file).findings
    assert [finding.code for finding in findings] == ["MR005"]
    (finding,) = findings
    assert finding.message.startswith("the two parsers disagree on ")
    assert finding.offset is not None
    assert finding.expected
    assert finding.actual
    assert finding.expected != finding.actual
    if path is not None:
        assert finding.path == path
    # Only the comparison of the walks detects it.
    monkeypatch.setattr("mappedram.check.context.walks_difference", lambda *_: None)
    assert check(file).findings == ()


def test_every_value_that_the_class_works_out_matters(fixtures: Fixtures) -> None:
    """Each number increased by one, each condition negated: one of these files reveals it.

    The bulk search for footers replaces the properties of the pieces in between.
    """
    small = [
        made
        for name, made in vectors.VECTORS.items()
        if not name.startswith(("many_", "cut_")) and "beyond" not in name
    ]
    with ExitStack() as opened:
        sources = [opened.enter_context(open_source(fixtures["ignore-shared"].path))]
        sources += [open_source(opened.enter_context(made.file())) for made in small]
        streams = [
            (source, stream)
            for source in sources
            if isinstance(stream := outcome(source, 0, CONSTRUCT), Stream)
        ]
        unseen = {
            (owner.__name__, name)
            for owner in vars(ksy()).values()
            if isinstance(owner, type)
            for name, value in list(vars(owner).items())
            if isinstance(value, property) and not is_seen(owner, name, value, streams)
        }
    assert unseen == set()


def is_seen(owner: type, name: str, usual: Any, streams: list[tuple[Source, Stream]]) -> bool:
    """Whether a difference is found, or the value cannot cause one."""
    changed = False

    def wrong(self: Any) -> Any:
        nonlocal changed
        value = usual.fget(self)
        if isinstance(value, int):
            changed = True
            return not value if isinstance(value, bool) else value + 1
        return value

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, name, property(wrong))
        for source, stream in streams:
            try:
                if walks_difference(source, stream):
                    return True
            except (AttributeError, KeyError):
                return True
    return not changed


def test_a_wrong_value_is_named(fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field with a wrong value in Kaitai's walk."""
    file = fixtures["none"].path

    def wrong(parsed: Any) -> dict[str, Any]:
        values: dict[str, Any] = values_of(parsed)
        return values | {"used_length": 7} if "used_length" in values else values

    monkeypatch.setattr("mappedram.stream.reader.kaitai_walk.values_of", wrong)
    (finding,) = check(file).findings
    assert (finding.code, finding.path) == ("MR005", "/ram/blocks[0]")
    assert "used_length" in finding.message
    assert finding.actual == "7"


def test_a_snapshot_that_kaitai_has_read_is_compared_too(
    fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated = ksy().Ramblock
    with mappedram.open(fixtures["pc"].path, driver="kaitai") as snapshot:
        assert check_snapshot(snapshot).findings == ()
        monkeypatch.setattr(generated, "has_padding", property(lambda _: False))
        findings = check_snapshot(snapshot).findings
        assert [finding.code for finding in findings] == ["MR005"]


# driver="kaitai" selects this walk.


def test_open_takes_the_walk_of_the_driver(
    fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fixtures["pc"].path
    monkeypatch.setattr(ksy().Ramblock, "has_data", property(lambda _: False))
    with mappedram.open(path, partial=True) as mine:
        assert len(mine.blocks) > 1
        assert mine.stream.areas
    with mappedram.open(path, driver="kaitai", partial=True) as other:
        assert other.stream.areas == ()


def test_a_plain_stream_ends_with_its_blocks(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["plain"].path, driver="kaitai") as snapshot:
        assert [block.idstr for block in snapshot.blocks][:1] == ["pc.ram"]
        assert snapshot.stream.recorded == {}
        with pytest.raises(mappedram.MappedRamError, match="16777216 bytes unknown"):
            snapshot.blocks[0].read(0, PAGE)


def test_cut_files_are_refused_alike(fixtures: Fixtures, tmp_path: Path) -> None:
    pc = fixtures["pc"].path
    copy = copy_sparse(pc, tmp_path / "cut")
    with mappedram.open(pc) as snapshot:
        os.truncate(copy, snapshot.place("/ram/blocks[1]", "used_length") + 3)
    for driver in drivers.DRIVERS:
        with pytest.raises(TruncatedError, match="used_length") as caught:
            mappedram.open(copy, driver=driver)
        assert str(caught.value.path) == "/ram/blocks[1]/used_length"
