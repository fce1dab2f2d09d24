"""Files that we write equal those of QEMU and of an oracle based on `struct`, byte by byte."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import BuildError, UnsupportedError
from mappedram.format import drivers
from mappedram.io.opening import open_source
from mappedram.stream.bitmap import Bitmap, ByteOrder
from mappedram.stream.writer import BlockSpec, Envelope, SnapshotWriter, create
from tests.conftest import UNFINISHED, Fixtures, manifest
from tests.files import extents, memory_file
from tests.stream.reader.test_reader import oracle_files
from tools.oracle import OracleFile

#: Files with a complete RAM part; the others cannot be rebuilt.
WHOLE = [
    name
    for name, entry in manifest().items()
    if "mapped-ram" in entry["capabilities"] and name not in {*UNFINISHED, "background-snapshot"}
]


def same_bytes(first: int, second: int) -> bool:
    """Whether two sparse files are equal, without reading common holes."""
    if os.fstat(first).st_size != os.fstat(second).st_size:
        return False
    return all(
        os.pread(first, end - start, start) == os.pread(second, end - start, start)
        for start, end in extents(first) + extents(second)
    )


def rewrite(snapshot: mappedram.Snapshot, target: int, driver: drivers.DriverName) -> None:
    """Write a snapshot anew from its model and its pages."""
    page_size = snapshot.stream.page_size
    assert page_size is not None
    specs = [
        BlockSpec(b.idstr, b.used_length, b.model.addr or 0, b.model.ignored)
        for b in snapshot.blocks
    ]
    offset = snapshot.stream.offset
    with SnapshotWriter(
        target, Envelope.of(snapshot), specs, page_size=page_size, offset=offset, driver=driver
    ) as writer:
        for block in snapshot.blocks:
            if block.model.pages_offset is not None:
                writer.copy_pages(
                    block.idstr, snapshot.source, block.model.pages_offset, block.runs()
                )
        writer.finish()
    os.pwrite(target, snapshot.source.read(0, offset), 0)


@pytest.mark.parametrize("driver", drivers.DRIVERS)
@pytest.mark.parametrize("name", WHOLE)
def test_the_bytes_are_those_of_qemu(
    fixtures: Fixtures, name: str, driver: drivers.DriverName
) -> None:
    fixture = fixtures[name]
    with (
        mappedram.open(fixture.path, fixture.offset) as snapshot,
        memory_file() as target,
        fixture.path.open("rb") as original,
    ):
        rewrite(snapshot, target, driver)
        if name != "live":
            assert same_bytes(target, original.fileno())
            return
        # Only stale bytes under clear bits are not copied.
        with mappedram.open(target) as again:
            assert again.stream == snapshot.stream
            for block in snapshot.blocks:
                other = again.block[block.idstr]
                assert other.bitmap.data == block.bitmap.data
                assert other.read(0, block.used_length) == block.read(0, block.used_length)


@given(oracle_files(), st.data())
def test_three_writers_agree(model: OracleFile, data: st.DataObject) -> None:
    """Construct, Kaitai and plain `struct` write the same file from the same values."""
    model = OracleFile(
        [type(b)(b.idstr, b.used_length, b.runs, b"\xa5") for b in model.blocks],
        **{
            name: getattr(model, name)
            for name in ("page_size", "align", "offset", "footers", "capabilities", "addr")
        },
        parts=1,
    )
    addr = list(model.addr) or [0] * len(model.blocks)
    with memory_file() as expected:
        model.write(expected)
        for driver in drivers.DRIVERS:
            with memory_file() as target:
                with create(
                    target,
                    machine=model.machine,
                    page_size=model.page_size,
                    blocks=[
                        BlockSpec(b.idstr, b.used_length, a)
                        for b, a in zip(model.blocks, addr, strict=False)
                    ],
                    capabilities=model.capabilities,
                    footers=model.footers,
                    offset=model.offset,
                    align=model.align,
                    driver=driver,
                    channels=data.draw(st.sampled_from([1, 2])),
                ) as writer:
                    for block in model.blocks:
                        for start, stop in block.runs:
                            page = b"\xa5" * (model.page_size * (stop - start))
                            writer.write_pages(block.idstr, start, page)
                    writer.finish()
                assert same_bytes(target, expected)


@given(
    st.sampled_from([4, 8]),
    st.sampled_from(["little", "big"]),
    st.sampled_from([1 << bits for bits in range(10, 17)]),
    st.sets(st.integers(0, 299)),
)
def test_any_page_size_word_size_and_byte_order(
    word_size: int, byteorder: ByteOrder, page_size: int, pages: set[int]
) -> None:
    with memory_file() as target:
        with create(
            target,
            machine="none",
            page_size=page_size,
            blocks=[BlockSpec("ram", 300 * page_size)],
            word_size=word_size,
            byteorder=byteorder,
        ) as writer:
            for page in pages:
                writer.write_pages("ram", page, page.to_bytes(2, "big").ljust(page_size, b"\1"))
            writer.finish()
        with mappedram.open(target) as snapshot:
            (block,) = snapshot.stream.blocks
        assert block.pages_offset is not None
        assert block.bitmap_offset is not None
        size = -(-300 // (8 * word_size)) * word_size
        bitmap = Bitmap(os.pread(target, size, block.bitmap_offset), 300, word_size, byteorder)
        assert {page for page in range(300) if bitmap[page]} == pages
        for page in pages:
            place = block.pages_offset + page * page_size
            assert os.pread(target, 2, place) == page.to_bytes(2, "big")


def test_a_block_of_16_tib_and_one_of_one_page() -> None:
    with memory_file() as target:
        with create(
            target,
            machine="none",
            page_size=4096,
            blocks=[BlockSpec("huge", 16 << 40), BlockSpec("tiny", 4096)],
        ) as writer:
            last = (16 << 40) // 4096 - 1
            writer.write_pages("huge", last, b"\1" * 4096)
            writer.write_pages("tiny", 0, b"\2" * 4096)
            writer.finish()
        assert os.fstat(target).st_blocks * 512 < 1 << 20
        with mappedram.open(target) as snapshot:
            assert snapshot.complete
            assert snapshot.block["huge"].page(last) == b"\1" * 4096
            assert snapshot.block["tiny"].page(0) == b"\2" * 4096
            assert snapshot.block["huge"].bitmap.count() == 1


def test_the_package_offers_the_writer() -> None:
    assert mappedram.create is create
    assert mappedram.BlockSpec is BlockSpec
    assert mappedram.SnapshotWriter is SnapshotWriter
    with pytest.raises(AttributeError, match="no attribute 'destroy'"):
        mappedram.destroy  # type: ignore[attr-defined]  # noqa: B018


def test_file_of_an_unfinished_writer_is_incomplete() -> None:
    with memory_file() as target:
        with create(
            target, machine="none", page_size=4096, blocks=[BlockSpec("ram", 1 << 20)]
        ) as writer:
            writer.write_pages("ram", 0, b"\1" * 4096)
        with mappedram.open(target) as snapshot:
            assert not snapshot.complete
            assert not snapshot.blocks[0].bitmap.any()


def test_rewriting_does_not_make_the_file_grow() -> None:
    with (
        memory_file() as target,
        create(
            target, machine="none", page_size=4096, blocks=[BlockSpec("ram", 1 << 20)]
        ) as writer,
    ):
        for turn in range(5):
            writer.write_pages("ram", 0, bytes([turn + 1]) * (1 << 20))
            size = os.fstat(target).st_size
            assert size <= writer.plan.end + len(writer.envelope.middle)
        writer.write_pages("ram", 0, bytes(1 << 20))
        writer.finish()
        with mappedram.open(target) as snapshot:
            assert not snapshot.blocks[0].bitmap.any()
            assert snapshot.blocks[0].read(0, 1 << 20) == bytes(1 << 20)


@pytest.mark.parametrize("detect", [True, False])
def test_zero_pages_are_left_out_unless_asked_for(tmp_path: Path, detect: bool) -> None:
    raw = tmp_path / "raw"
    with raw.open("wb") as stream:
        stream.truncate(64 << 12)
        os.pwrite(stream.fileno(), b"x" * 4096, 5 << 12)
        os.pwrite(stream.fileno(), bytes(8192), 20 << 12)  # data, but zeros
    with memory_file() as target:
        with (
            create(
                target,
                machine="none",
                page_size=4096,
                blocks=[BlockSpec("ram", 64 << 12)],
                zero_page_detection=detect,
            ) as writer,
            open_source(raw) as source,
        ):
            writer.write_file("ram", source)
            writer.finish()
        with mappedram.open(target) as snapshot:
            expected = [[5, 6]] if detect else [[0, 64]]
            assert snapshot.blocks[0].runs().tolist() == expected
            assert snapshot.blocks[0].read(0, 64 << 12) == raw.read_bytes()


def test_direct_io_writes_the_same_and_says_when_it_cannot(tmp_path: Path) -> None:
    content = np.random.default_rng(3).bytes(1 << 20)
    files = []
    for direct in (False, True):
        path = tmp_path / f"direct-{direct}"
        with create(
            path,
            machine="none",
            page_size=1024,
            blocks=[BlockSpec("a", 3072), BlockSpec("ram", 1 << 20)],
            direct_io=direct,
        ) as writer:
            writer.write_pages("ram", 0, content)
            writer.write_pages("ram", 3, content[:1024])
            writer.finish()
            used = direct and writer.direct_io_refused is None
            assert used or not direct or "O_DIRECT" in str(writer.direct_io_refused)
        files.append(path.read_bytes())
    assert files[0] == files[1]
    with memory_file() as target:
        os.set_blocking(target, True)
        with create(
            target, machine="none", page_size=4096, blocks=[BlockSpec("ram", 4096)], direct_io=True
        ) as writer:
            writer.write_pages("ram", 0, content[:4096])
            writer.finish()
        with mappedram.open(target) as snapshot:
            assert snapshot.blocks[0].page(0) == content[:4096]


def test_pipe_and_socket_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for target in (tmp_path / "pipe", ours.fileno()):
            with pytest.raises(UnsupportedError, match="fixed offset"):
                create(target, machine="none", page_size=4096, blocks=[BlockSpec("ram", 4096)])


def test_existing_file_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    with pytest.raises(FileExistsError):
        create(tmp_path / "there", machine="none", page_size=4096, blocks=[BlockSpec("ram", 4096)])
    assert (tmp_path / "there").read_text() == "precious"


@pytest.mark.parametrize(
    ("blocks", "page_size", "said"),
    [
        ([BlockSpec("a", 4096), BlockSpec("a", 4096)], 4096, "two blocks"),
        ([BlockSpec("", 4096)], 4096, "1 to 255 bytes"),
        ([BlockSpec("n" * 256, 4096)], 4096, "1 to 255 bytes"),
        ([BlockSpec("\u20ac", 4096)], 4096, "ISO 8859-1"),
        ([BlockSpec("a", 4097)], 4096, "positive multiple"),
        ([BlockSpec("a", 0)], 4096, "positive multiple"),
        ([BlockSpec("a", 4096)], 128, "page_size"),
        ([BlockSpec("a", 4096)], 4097, "page_size"),
        ([BlockSpec("a", 1 << 63)], 4096, "exceed the maximum file size"),
        ([BlockSpec("a", (1 << 63) - 4096)], 4096, "beyond the maximum file size"),
    ],
)
def test_impossible_blocks(blocks: list[BlockSpec], page_size: int, said: str) -> None:
    with memory_file() as target, pytest.raises(BuildError, match=said):
        create(target, machine="none", page_size=page_size, blocks=blocks)


def test_pages_have_to_be_inside_the_block() -> None:
    with (
        memory_file() as target,
        create(target, machine="none", page_size=4096, blocks=[BlockSpec("ram", 8192)]) as writer,
    ):
        for first, data in ((0, b"x"), (-1, bytes(4096)), (2, bytes(4096)), (1, bytes(8192))):
            with pytest.raises(BuildError, match="write_pages"):
                writer.write_pages("ram", first, data)
        with pytest.raises(BuildError, match="no such block"):
            writer.write_pages("rom", 0, bytes(4096))
        with pytest.raises(BuildError, match="outside"):
            writer.copy_pages("ram", open_source("/bin/sh"), 0, np.array([[0, 3]]))
        writer.finish()
        with pytest.raises(BuildError, match="already finished"):
            writer.finish()
