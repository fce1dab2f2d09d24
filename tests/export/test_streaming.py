"""Pages written while the stream is parsed give the same file as pages written later."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import BuildError, TruncatedError
from mappedram.export.mapped_ram import OutputLayout, lay_out
from mappedram.export.streaming import EarlyPages
from mappedram.io.opening import open_source
from mappedram.io.system import calls
from mappedram.io.vectored import VectoredWriter
from mappedram.stream.reader import records, windows
from tests.conftest import Fixtures
from tests.export.metadump.making import metadump
from tests.files import extents, memory_file
from tests.stream.reader.test_records import (
    NAMES,
    PAGE,
    PAGE_SIZE,
    PAGES,
    ZERO,
    Record,
    guests,
    stream,
)

QEMUS = OutputLayout()
Guest = tuple[list[list[Record]], dict[tuple[str, int], bytes]]


def contents(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def convert_early(stream_fd: int, out: int, layout: OutputLayout = QEMUS) -> None:
    early = EarlyPages(out, layout.offset, layout.align)
    with mappedram.open(stream_fd, on_pages=early.begin) as snapshot:
        assert early.begun == bool(snapshot.stream.recorded)
        lay_out(snapshot, out, layout, early=early)


def convert_late(stream_fd: int, out: int, layout: OutputLayout = QEMUS) -> None:
    with mappedram.open(stream_fd) as snapshot:
        lay_out(snapshot, out, layout)


@contextmanager
def narrow_windows() -> Iterator[None]:
    """Windows hardly longer than a record, so that every record is cut by the end of one."""
    with (
        mock.patch.object(records, "_LONGEST", PAGE_SIZE + 200),
        mock.patch.object(windows, "_FIRST", PAGE_SIZE + 300),
        mock.patch.object(windows, "LARGEST", 2 * PAGE_SIZE),
    ):
        yield


@given(guests(), st.sampled_from([0, 512, 1 << 20]), st.sampled_from([4096, 1 << 20]))
def test_the_file_is_the_same(guest: Guest, offset: int, align: int) -> None:
    """Whatever follows: other bytes, zeros, differences; and however the file is read."""
    parts, memory = guest
    layout = OutputLayout(offset, align)
    with (
        memory_file(stream(parts)) as fd,
        memory_file() as early,
        memory_file() as late,
        narrow_windows(),
    ):
        convert_early(fd, early, layout)
        convert_late(fd, late, layout)
        assert contents(early) == contents(late)
        with mappedram.open(early, offset) as snapshot:
            for name in NAMES if memory else ():
                expected = b"".join(memory.get((name, n), bytes(PAGE_SIZE)) for n in range(PAGES))
                assert snapshot.block[name].read(0, PAGES * PAGE_SIZE) == expected


def test_an_error_far_behind_the_first_window() -> None:
    """It is found during read-ahead; no thread remains."""
    part = [(PAGE, "rom", page, b"x" * PAGE_SIZE) for page in range(PAGES)] * 100
    whole = bytearray(stream([part]))
    record = whole.rindex(b"\0\0\x28" + b"x" * 8) - 5
    whole[record + 7] = 0x29
    with memory_file(bytes(whole)) as fd, mappedram.open(fd, partial=True) as snapshot:
        assert snapshot.stream.stopped is not None
        assert snapshot.stream.stopped.offset == record > 3 << 20
    assert not [thread for thread in threading.enumerate() if thread.name == "reading"]


def test_stale_bytes_are_not_left_behind() -> None:
    """Pages 8 to 11, one block of the file system, first have bytes and then become zero."""
    first = [(PAGE, "rom", page, bytes([page + 1]) * PAGE_SIZE) for page in range(PAGES)]
    then = [(ZERO, "rom", page, b"\0") for page in (*range(8, 12), 21)]
    with memory_file(stream([first, then])) as fd, memory_file() as out:
        convert_early(fd, out, OutputLayout(align=4096))
        with mappedram.open(out) as snapshot:
            block = snapshot.block["rom"]
            assert block.runs().tolist() == [[0, 8], [12, 21], [22, PAGES]]
            assert block.model.pages_offset is not None
            start = block.model.pages_offset + 8 * PAGE_SIZE
            assert not [e for e in extents(out) if e[0] < start + 4096 and e[1] > start]
            assert os.pread(out, PAGE_SIZE, start + 13 * PAGE_SIZE) == bytes(PAGE_SIZE)


@pytest.mark.parametrize("drop", [False, True])
def test_a_record_of_a_page_of_zeros_is_a_stored_page_unless_dropped(drop: bool) -> None:
    part = [(PAGE, "rom", 3, bytes(PAGE_SIZE)), (PAGE, "rom", 4, b"x" * PAGE_SIZE)]
    with memory_file(stream([part])) as fd, memory_file() as early, memory_file() as late:
        convert_early(fd, early)
        convert_late(fd, late, OutputLayout(drop_zero_pages=drop))
        assert (contents(early) == contents(late)) is not drop
        with mappedram.open(early) as kept, mappedram.open(late) as other:
            assert kept.block["rom"].runs().tolist() == [[3, 5]]
            assert other.block["rom"].runs().tolist() == [[3 + drop, 5]]


def test_a_real_stream(fixtures: Fixtures) -> None:
    """QEMU's own file of the same guest."""
    with fixtures["plain"].path.open("rb") as file, memory_file() as out:
        convert_early(file.fileno(), out)
        assert contents(out) == fixtures["pc"].path.read_bytes()


def test_what_is_refused_later_is_not_begun(fixtures: Fixtures) -> None:
    twice = stream([[(PAGE, "rom", 0, b"x" * PAGE_SIZE)]]).replace(b"\6pc.ram", b"\3rom", 1)
    with metadump(fixtures["plain"].path) as without_pages, memory_file(twice) as same_names:
        for fd in (without_pages, same_names):
            with memory_file() as out:
                early = EarlyPages(out)
                with mappedram.open(fd, on_pages=early.begin) as snapshot:
                    assert not early.begun
                    assert contents(out) == b""
                    with pytest.raises(mappedram.UnknownPagesError):
                        lay_out(snapshot, out, early=early)


def test_another_layout_than_that_of_the_early_pages() -> None:
    with memory_file(stream([[(PAGE, "rom", 0, b"x" * PAGE_SIZE)]])) as fd, memory_file() as out:
        early = EarlyPages(out, offset=4096, align=4096)
        with mappedram.open(fd, on_pages=early.begin) as snapshot:
            with pytest.raises(BuildError, match="are at other offsets"):
                lay_out(snapshot, out, OutputLayout(8192, 4096), early=early)
            lay_out(snapshot, out, OutputLayout(4096, 4096), early=early)


def test_a_file_that_shrinks_while_it_is_read_ahead(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(8 << 20))
    with open_source(path) as source:
        ahead = windows.Windows(source, 100)
        data = ahead.begin(0)
        os.truncate(path, len(data))
        with pytest.raises(TruncatedError, match="shrank"):
            all(ahead.advance(used) for used in [len(data), *[0] * 9])
        ahead.end()


@pytest.mark.parametrize("answer", [-1, 0, 100])
def test_what_one_call_does_not_write_is_written_singly(answer: int) -> None:
    """The system may write any part of the given bytes. Page 9 comes twice, and the last counts."""
    memory = memoryview(os.urandom(40 * PAGE_SIZE))
    starts = np.array([5, 1100, 7000, 30000, 21], np.int64)
    pages = np.array([8, 9, 10, 3, 9], np.int64)
    expected = {8: 5, 9: 21, 10: 7000, 3: 30000}
    with memory_file() as fd:
        writer = VectoredWriter(fd, PAGE_SIZE)
        with mock.patch.object(calls, "pwritev_array", return_value=answer):
            writer.write(memory, starts, pages, 77)
        for page, start in expected.items():
            written = os.pread(fd, PAGE_SIZE, 77 + page * PAGE_SIZE)
            assert written == memory[start : start + PAGE_SIZE]


def test_gathering_says_what_is_wrong(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file, file, (tmp_path / "file").open("rb") as closed:
        one = np.array([0], np.int64)
        with pytest.raises(OSError, match="Bad file descriptor"):
            VectoredWriter(closed.fileno(), PAGE_SIZE).write(
                memoryview(bytes(PAGE_SIZE)), one, one, 0
            )
