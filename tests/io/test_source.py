"""Files that can be opened, and the messages for others."""

import os
import socket
from pathlib import Path

import pytest

import mappedram
from mappedram import TruncatedError, UnsupportedError
from mappedram.check.repairs.edits import Edit, EditedSource
from mappedram.io.opening import open_source
from tests.conftest import Fixtures
from tests.files import copy_sparse


def test_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Nobody writes to it: opening must not wait, and says why a pipe is refused."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsupportedError, match=r"a pipe.*cannot seek.*fixed offsets"):
        mappedram.open(tmp_path / "pipe")


def test_socket_directory_and_device(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        mappedram.open(tmp_path)
    with pytest.raises(UnsupportedError, match="character device"):
        mappedram.open("/dev/null")
    with pytest.raises(FileNotFoundError):
        mappedram.open(tmp_path / "missing")
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(UnsupportedError, match="a socket"):
        mappedram.open(ours.fileno())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"QEV", "not a QEMU migration stream"),
        (b"hello, world\n" * 10, "begins with b'hell'"),
        (b"QFI\xfb\0\0\0\2" + bytes(15) + b"\x10" + bytes(48), "a qcow2 image without the state"),
        (b"\x7fELF\2", "an ELF file"),
        (b"LibvirtQemudSave" + (2).to_bytes(4, "little") + (100).to_bytes(4, "little"), "0xc0"),
        (b"QEVM\0\0\0\2", "version: expected 3, got 0x2"),
    ],
)
def test_other_files_are_told_by_name(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(UnsupportedError, match=said):
        mappedram.open(tmp_path / "file")


def test_header_cut_short(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"QEVM\0\0")
    with pytest.raises(TruncatedError, match="version"):
        mappedram.open(tmp_path / "file")


def test_descriptor_stays_open_and_path_is_closed(fixtures: Fixtures) -> None:
    path = fixtures["none"].path
    fd = os.open(path, os.O_RDONLY)
    with mappedram.open(fd) as snapshot:
        assert snapshot.blocks
    os.fstat(fd)
    os.close(fd)
    with mappedram.open(path) as snapshot:
        (inner,) = snapshot.source.descriptors
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(inner)


def test_no_descriptor_leaks_from_a_failed_opening(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"not a stream")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(UnsupportedError):
            mappedram.open(tmp_path / "file")
    assert len(os.listdir("/proc/self/fd")) == before


def test_file_that_shrinks_while_it_is_read(fixtures: Fixtures, tmp_path: Path) -> None:
    path = copy_sparse(fixtures["none"].path, tmp_path / "shrinking")
    with mappedram.open(path) as snapshot:
        block = snapshot.blocks[0]
        start = block.runs().tolist()[-1][0]
        os.truncate(path, 4096)
        with pytest.raises(TruncatedError, match="shrank"):
            block.page(start)


def test_extents_of_a_hole_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.write(b"x" * 4096)
        stream.truncate(1 << 20)
    with open_source(path) as source:
        assert list(source.extents(0, 1 << 20)) == [(0, 4096)]
        assert list(source.extents(8192, 1 << 20)) == []
        assert source.read(1 << 21, 10) == b""


def test_fill_reads_what_read_does(tmp_path: Path) -> None:
    """More pieces than one call takes, with pending changes."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 16)
    with open_source(path) as source:
        memory = bytearray(3000)
        views = [memoryview(memory)[n : n + 1] for n in range(3000)]
        source.fill(views, 100)
        assert memory == source.read(100, 3000)
        with pytest.raises(TruncatedError, match="0x1000"):
            source.fill(views, 0x1000 - 2999)
        edited = EditedSource(source, [Edit(200, b"edited")])
        edited.fill([memoryview(memory)], 100)
        assert memory == edited.read(100, 3000)
        assert memory[100:106] == b"edited"
