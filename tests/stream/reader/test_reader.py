"""Reading files of a real QEMU: their contents, and the errors for damaged ones."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import FormatError, MappedRamError, TruncatedError, UnsupportedError
from mappedram.format.constants import SectionType
from mappedram.io.opening import open_source
from tests.conftest import UNFINISHED, Fixture, Fixtures, manifest
from tests.files import copy_sparse, field_place, memory_file, patch
from tools.oracle import OracleBlock, OracleFile
from tools.qemu import pattern

#: QEMU rounds the length of a block up to host pages.
HOST_PAGE = 4096
SOUND = [
    name
    for name in manifest()
    if name not in {*UNFINISHED, "background-snapshot", "devices-only", "no-footers-no-vmdesc"}
]


def opened(fixture: Fixture) -> mappedram.Snapshot:
    return mappedram.open(fixture.path, fixture.offset)


@pytest.mark.parametrize("name", SOUND)
def test_memory_is_what_the_guest_had(fixtures: Fixtures, name: str) -> None:
    """The pages of the fill, and only these, have the pattern of their own place."""
    fixture = fixtures[name]
    with opened(fixture) as snapshot:
        assert snapshot.complete
        for fill in fixture.manifest["fill"]:
            block = snapshot.block[fill["block"]]
            size, seed = fill["page_size"], int(fill["seed"], 16)
            assert block.page_size == size
            assert block.used_length == -(-fill["size"] // HOST_PAGE) * HOST_PAGE
            for start, stop in fill["runs"]:
                if name == "live":  # the guest rewrites the first pages during the save
                    start = max(start, 512)
                for page in {start, stop - 1} if start < stop else ():
                    assert block.page(page) == pattern.expected(page, size, seed), hex(page * size)


@pytest.mark.parametrize("name", ["pc", "many-runs", "multifd3", "none", "arm-1k"])
def test_runs_are_those_of_the_fill(fixtures: Fixtures, name: str) -> None:
    fixture = fixtures[name]
    with opened(fixture) as snapshot:
        for fill in fixture.manifest["fill"]:
            assert snapshot.block[fill["block"]].runs().tolist() == fill["runs"]


def test_set_pages_may_be_zero(fixtures: Fixtures) -> None:
    """With zero-page-detection=none every bit is set, and reads still return the fill."""
    fixture = fixtures["zero-page-none"]
    with opened(fixture) as snapshot:
        block = snapshot.block["pc.ram"]
        assert block.runs().tolist() == [[0, block.num_pages]]
        (fill,) = fixture.manifest["fill"]
        filled = {page for start, stop in fill["runs"] for page in range(start, stop)}
        zero = bytes(block.page_size)
        assert {n for n in range(block.num_pages) if block.page(n) != zero} == filled


def test_stale_pages_read_as_zeros(fixtures: Fixtures) -> None:
    """A page that turned zero leaves its bytes there; the clear bit decides (clause 7.4.6)."""
    with opened(fixtures["live"]) as snapshot:
        block = snapshot.block["pc.ram"]
        assert block.model.pages_offset is not None
        stale = [
            page
            for page in range(block.num_pages)
            if not block.bitmap[page]
            and any(snapshot.source.read(block.model.pages_offset + page * 4096, 4096))
        ]
        assert stale, "the fixture no longer shows what it is for"
        for page in stale:
            assert block.page(page) == bytes(4096)


def test_read_across_pages_and_blocks_of_zeros(fixtures: Fixtures) -> None:
    with opened(fixtures["pc"]) as snapshot:
        block = snapshot.block["pc.ram"]
        whole = block.read(0, 0x40000)
        assert whole == b"".join(block.page(page) for page in range(0x40))
        assert block.read(0xFF0, 0x30) == whole[0xFF0:0x1020]
        assert block.read(0, 0) == b""
        for offset, size in ((-1, 1), (0, block.used_length + 1), (block.used_length, 1)):
            with pytest.raises(ValueError, match="range"):
                block.read(offset, size)


def test_header_values_of_a_machine_with_everything(fixtures: Fixtures) -> None:
    fixture = fixtures["uuid"]
    with opened(fixture) as snapshot:
        configuration = snapshot.stream.configuration
        assert configuration is not None
        assert configuration.machine == "pc-i440fx-10.0"
        assert configuration.uuid is not None
        argv = fixture.manifest["argv"]
        assert configuration.uuid.hex() == argv[argv.index("-uuid") + 1].replace("-", "")
    with opened(fixtures["aarch64-virt"]) as snapshot:
        configuration = snapshot.stream.configuration
        assert configuration is not None
        assert configuration.target_page_bits == 12
    with opened(fixtures["ignore-shared"]) as snapshot:
        assert snapshot.stream.capabilities == ("x-ignore-shared", "mapped-ram")
        assert snapshot.block["pc.bios"].model.addr == 0xFFFF0000


def test_stream_inside_a_file_keeps_absolute_offsets(fixtures: Fixtures) -> None:
    fixture = fixtures["offset-unaligned"]
    assert fixture.offset % 2 == 1
    with opened(fixture) as snapshot:
        first = snapshot.stream.blocks[0]
        assert first.bitmap_offset == first.header_end
        assert first.pages_offset == 1 << 20
    with pytest.raises(UnsupportedError, match="not a QEMU migration stream"):
        mappedram.open(fixture.path)


@pytest.mark.parametrize("name", ["no-vmdesc", "no-footers", "pc", "virtio-mem", "dirty-bitmaps"])
def test_sections_are_found_whatever_tells_their_length(fixtures: Fixtures, name: str) -> None:
    """From the JSON text, from footers, from both: the same devices, to the end of the file."""
    with opened(fixtures[name]) as snapshot:
        assert snapshot.sections[-1].end == snapshot.stream.file_size
        devices = [s.idstr for s in snapshot.sections if s.type == SectionType.FULL]
        assert {"timer", "cpu", "pckbd"} <= set(devices) or name == "virtio-mem"
    if name in {"no-vmdesc", "no-footers"}:
        with opened(fixtures["pc"]) as full:
            assert devices == [s.idstr for s in full.sections if s.type == SectionType.FULL]


def test_incomplete_files_are_read_and_said_to_be(fixtures: Fixtures) -> None:
    for name, ended in (("killed", False), ("background-snapshot", True)):
        with opened(fixtures[name]) as snapshot:
            assert not snapshot.complete
            assert snapshot.stream.ended == ended
            assert not snapshot.block["pc.ram"].bitmap.any()


def test_plain_stream_is_told_apart(fixtures: Fixtures) -> None:
    with opened(fixtures["plain"]) as snapshot, opened(fixtures["pc"]) as mapped:
        assert not snapshot.stream.mapped_ram
        assert snapshot.complete
        assert snapshot.sections[-1].end == snapshot.stream.file_size
        for block in mapped.blocks:
            other = snapshot.block[block.idstr]
            assert other.runs().tolist() == block.runs().tolist()
            assert other.read(0, other.used_length) == block.read(0, block.used_length)


def test_guess_without_configuration(fixtures: Fixtures) -> None:
    with opened(fixtures["no-configuration"]) as snapshot:
        assert snapshot.stream.mapped_ram_guessed
        assert snapshot.stream.machine is None
    with opened(fixtures["pc"]) as snapshot:
        assert not snapshot.stream.mapped_ram_guessed


def places_of_all_fields(path: Path) -> list[tuple[str, int, int]]:
    with mappedram.open(path) as snapshot:
        return [
            (f"{element.path}/{span.path}", element.offset + span.start, element.offset + span.end)
            for element in snapshot.stream.elements
            for span in snapshot.fields(element)
        ]


def test_cut_at_every_field_boundary(fixtures: Fixtures, tmp_path: Path) -> None:
    """A cut file gives its first blocks, or an error with an offset inside the file."""
    path = copy_sparse(fixtures["arm-1k"].path, tmp_path / "cut")
    cuts = sorted({end for _, _, end in places_of_all_fields(path)}, reverse=True)
    size = path.stat().st_size
    assert len(cuts) > 60
    for cut in cuts:
        if cut == size:
            continue
        os.truncate(path, cut)
        try:
            with mappedram.open(path, partial=True) as snapshot:
                stopped = snapshot.stream.stopped
                # Bytes after the end of the stream may be missing without harm.
                assert stopped is not None or snapshot.stream.ended
        except (TruncatedError, UnsupportedError) as error:
            stopped = error
        if stopped is not None:
            assert stopped.offset is not None
            assert stopped.offset <= cut


@pytest.mark.parametrize("value", ["zero", "one", "max", "random"])
def test_every_field_set_to(fixtures: Fixtures, tmp_path: Path, value: str) -> None:
    """Any value of any field gives a Snapshot or a MappedRamError, and memory can be requested."""
    path = copy_sparse(fixtures["arm-1k"].path, tmp_path / "patched")
    random.seed(value)
    for _, start, end in places_of_all_fields(fixtures["arm-1k"].path):
        width = end - start
        data = {
            "zero": bytes(width),
            "one": (1).to_bytes(width, "big") if width else b"",
            "max": b"\xff" * width,
            "random": random.randbytes(width),
        }[value]
        with path.open("rb") as stream:
            stream.seek(start)
            original = stream.read(width)
        patch(path, start, data)
        try:
            with mappedram.open(path, partial=True) as snapshot:
                for block in snapshot.blocks:
                    block.read(0, min(4096, block.used_length))
        except MappedRamError:
            pass
        patch(path, start, original)


def test_refusal_names_offset_field_and_values(fixtures: Fixtures, tmp_path: Path) -> None:
    path = copy_sparse(fixtures["pc"].path, tmp_path / "version7")
    with mappedram.open(path) as snapshot:
        offset, length = field_place(snapshot, "/ram/blocks[1]/mapped_ram/version")
    patch(path, offset, (7).to_bytes(length, "big"))
    with pytest.raises(FormatError) as caught:
        mappedram.open(path)
    error = caught.value
    assert (error.offset, error.path) == (offset, "/ram/blocks[1]/mapped_ram/version")
    assert (error.expected, error.actual) == ("<= 1", 7)
    assert str(error) == (
        f"version: expected <= 1, got 0x7 (at {offset:#x}, /ram/blocks[1]/mapped_ram/version)"
    )
    with mappedram.open(path, partial=True) as snapshot:
        assert [block.idstr for block in snapshot.blocks] == ["pc.ram"]
        assert snapshot.stream.stopped == error


def test_a_chain_of_blocks_cannot_lead_back(fixtures: Fixtures, tmp_path: Path) -> None:
    """Pages that end before their own header would make a reader loop (clause 6.2.11)."""
    path = copy_sparse(fixtures["pc"].path, tmp_path / "loop")
    with mappedram.open(path) as snapshot:
        offset, length = field_place(snapshot, "/ram/blocks[1]/mapped_ram/pages_offset")
    patch(path, offset, (0).to_bytes(length, "big"))
    with pytest.raises(FormatError, match="before the end of its header") as caught:
        mappedram.open(path)
    assert caught.value.offset == offset


@given(st.binary(max_size=300))
def test_any_bytes_give_a_snapshot_or_an_error(data: bytes) -> None:
    with memory_file(b"QEVM\0\0\0\3" + data) as fd:
        try:
            with mappedram.open(fd, partial=True) as snapshot:
                assert sum(r.length for r in snapshot.regions()) == snapshot.stream.file_size
        except MappedRamError:
            pass


NAMES = st.text(st.characters(max_codepoint=255), min_size=1, max_size=255)


@st.composite
def oracle_files(draw: st.DrawFn) -> OracleFile:
    page_size = draw(st.sampled_from([1 << bits for bits in range(10, 17)]))
    blocks = []
    for idstr in draw(st.lists(NAMES, max_size=5, unique=True)):
        pages = draw(st.one_of(st.integers(1, 200), st.integers(1, 1 << 20)))
        edges = sorted(draw(st.sets(st.integers(0, min(pages, 4000)), max_size=8)))
        runs = list(zip(edges[::2], edges[1::2], strict=False))
        blocks.append(OracleBlock(idstr, pages * page_size, runs))
    shared = draw(st.booleans())
    return OracleFile(
        blocks,
        page_size=page_size,
        align=draw(st.sampled_from([page_size, 1 << 20])),
        parts=draw(st.integers(0, 20)),
        offset=draw(st.integers(0, 70000)),
        footers=draw(st.booleans()),
        vmdescription=draw(st.booleans()),
        capabilities=("x-ignore-shared", "mapped-ram") if shared else ("mapped-ram",),
        addr=draw(st.lists(st.integers(0, (1 << 64) - 1), min_size=5, max_size=5)),
    )


@given(oracle_files(), st.sampled_from(["construct", "kaitai"]))
def test_files_of_an_independent_writer(
    model: OracleFile, driver: mappedram.format.drivers.DriverName
) -> None:
    with memory_file() as fd:
        size = model.write(fd)
        with mappedram.open(fd, model.offset, driver=driver) as snapshot:
            assert snapshot.complete
            assert snapshot.stream.end == size
            assert [
                (b.idstr, b.used_length, b.page_size, [tuple(run) for run in b.runs().tolist()])
                for b in snapshot.blocks
            ] == [(b.idstr, b.used_length, model.page_size, joined(b.runs)) for b in model.blocks]
            if "x-ignore-shared" in model.capabilities:
                assert [b.model.addr for b in snapshot.blocks] == model.addr[: len(model.blocks)]


def joined(runs: object) -> list[tuple[int, int]]:
    """Runs as from a bitmap: touching runs are joined."""
    result: list[tuple[int, int]] = []
    for start, stop in runs:  # type: ignore[attr-defined]
        if result and result[-1][1] == start:
            result[-1] = (result[-1][0], stop)
        else:
            result.append((start, stop))
    return result


def test_opening_reads_no_pages(tmp_path: Path) -> None:
    """Opening a file of 1 TiB reads headers only, whatever its size."""
    path = tmp_path / "huge"
    with path.open("w+b") as stream:
        OracleFile([OracleBlock(f"block{n}", 1 << 37) for n in range(8)]).write(stream.fileno())
    with open_source(path) as source:
        read = 0
        original = source.read

        def counting(offset: int, length: int) -> bytes:
            nonlocal read
            data = original(offset, length)
            read += len(data)
            return data

        source.read = counting  # type: ignore[method-assign]
        stream_ = mappedram.stream.reader.read_stream(
            source, 0, mappedram.format.drivers.get("construct")
        )
        assert len(stream_.blocks) == 8
        assert read < 1 << 18


@pytest.mark.parametrize(
    "field",
    [
        '{"size": "x", "array_len": 10000000000000}',
        '{"size": -1}',
        '{"size": 1.5}',
        '{"size": 9223372036854775808}',
        '{"size": [1], "array_len": 99999999999}',
        '{"size": 1000000000000}',
        "[]",
        "null",
    ],
)
def test_lengths_in_the_json_that_cannot_be(fixtures: Fixtures, tmp_path: Path, field: str) -> None:
    """A wrong description does no harm: the footers end the payloads."""
    path = copy_sparse(fixtures["none"].path, tmp_path / "lying")
    with mappedram.open(path) as snapshot:
        last = snapshot.sections[-1]
        sections = [section.length for section in snapshot.sections[:-1]]
        devices = [s for s in snapshot.sections if s.type == SectionType.FULL]
    described = ", ".join(
        f'{{"name": "{s.idstr}", "instance_id": {s.instance_id}, "fields": [{field}]}}'
        for s in devices
    )
    text = f'{{"page_size": 4096, "devices": [{described}]}}'.encode()
    os.truncate(path, last.offset)
    patch(path, last.offset, b"\6" + len(text).to_bytes(4, "big") + text)
    with mappedram.open(path) as snapshot:
        assert [section.length for section in snapshot.sections[:-1]] == sections


@pytest.mark.parametrize("length", [0, 1, 100, 1 << 20])
def test_a_packaged_stream_is_passed_within_its_bounds(length: int) -> None:
    """The packaged stream follows the command, and has the announced length."""
    with memory_file() as fd:
        OracleFile([OracleBlock("ram", 4096, [(0, 1)], b"\1")]).write(fd)
        whole = os.pread(fd, os.fstat(fd).st_size, 0)
    mark = b"\1\0\0\0\1\3ram"  # START of RAM, which the package is put before
    inner = (b"QEVM\0\0\0\3" + b"\0" * length)[:length]
    package = b"\x08\0\7\0\4" + length.to_bytes(4, "big") + inner
    place = whole.index(mark)
    with memory_file(whole[:place] + package + whole[place:]) as fd:
        with mappedram.open(fd, partial=True) as snapshot:
            command, start = snapshot.sections[:2]
            assert (command.payload_length, start.idstr) == (length, "ram")
            assert start.offset == place + len(package)
            assert sum(r.length for r in snapshot.regions()) == snapshot.stream.file_size
        os.pwrite(fd, b"\xff" * 4, place + 5)
        with pytest.raises(TruncatedError, match="packaged stream ends at"):
            mappedram.open(fd)
