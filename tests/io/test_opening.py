"""Whatever a snapshot is opened from: the same is read, and nothing that is not needed."""

import gzip
import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

import mappedram
from mappedram import TruncatedError, UnsupportedError
from mappedram.check import check
from mappedram.diff import compare
from mappedram.export.metadump import Options
from mappedram.export.options import ExportOptions
from mappedram.export.raw import extract
from mappedram.io.file_source import FileSource
from mappedram.io.memory_source import BinaryFile, MemorySource, ObjectSource
from mappedram.io.opening import Openable, open_source
from mappedram.io.source import Source
from mappedram.stream.libvirt import open_any
from tests.conftest import Fixtures
from tests.export.metadump.making import metadump
from tests.stream.libvirt.samples import Samples
from tools.oracle import OracleBlock, OracleFile


class Counting:
    """A file object that is no file of this machine, and knows what was read of it."""

    def __init__(self, file: BinaryIO, most: int = 1 << 62) -> None:
        self.file = file
        self.most = most
        self.count = 0

    def read(self, size: int, /) -> bytes:
        data = self.file.read(min(size, self.most))
        self.count += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.file.seek(offset, whence)


@contextmanager
def path(file: Path) -> Iterator[Openable]:
    yield file


@contextmanager
def text(file: Path) -> Iterator[Openable]:
    yield str(file)


@contextmanager
def descriptor(file: Path) -> Iterator[Openable]:
    fd = os.open(file, os.O_RDONLY)
    yield fd
    os.close(fd)  # so it was open until now


@contextmanager
def held(file: Path) -> Iterator[Openable]:
    yield file.read_bytes()


@contextmanager
def array(file: Path) -> Iterator[Openable]:
    yield bytearray(file.read_bytes())


@contextmanager
def view(file: Path) -> Iterator[Openable]:
    yield memoryview(b"before" + file.read_bytes())[6:]


@contextmanager
def in_memory(file: Path) -> Iterator[Openable]:
    yield io.BytesIO(file.read_bytes())


@contextmanager
def opened(file: Path) -> Iterator[Openable]:
    with file.open("rb") as stream:
        yield stream
        assert not stream.closed


@contextmanager
def unbuffered(file: Path) -> Iterator[Openable]:
    with file.open("rb", buffering=0) as stream:
        yield stream


@contextmanager
def foreign(file: Path) -> Iterator[Openable]:
    """It also brings less than it is asked for."""
    with file.open("rb") as stream:
        yield Counting(stream, most=5000)


@contextmanager
def compressed(file: Path) -> Iterator[Openable]:
    """It has a descriptor, and other bytes stand there."""
    packed = io.BytesIO(gzip.compress(file.read_bytes(), 1))
    with gzip.GzipFile(fileobj=packed) as stream:
        yield stream


#: Each way to have a file, and what it becomes.
FORMS: dict[str, tuple[Callable[[Path], AbstractContextManager[Openable]], type[Source]]] = {
    "path": (path, FileSource),
    "text": (text, FileSource),
    "descriptor": (descriptor, FileSource),
    "bytes": (held, MemorySource),
    "bytearray": (array, MemorySource),
    "memoryview": (view, MemorySource),
    "BytesIO": (in_memory, ObjectSource),
    "open": (opened, FileSource),
    "unbuffered": (unbuffered, FileSource),
    "foreign": (foreign, ObjectSource),
    "gzip": (compressed, ObjectSource),
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_same_snapshot(form: str, fixtures: Fixtures) -> None:
    file = fixtures["pc"].path
    having, kind = FORMS[form]
    with having(file) as had, mappedram.open(had) as found, mappedram.open(file) as expected:
        assert type(found.source) is kind
        assert found.stream.elements == expected.stream.elements
        assert found.regions() == expected.regions()
        assert [b.runs().tolist() for b in found.blocks] == [
            b.runs().tolist() for b in expected.blocks
        ]
        assert [b.read(0, b.used_length) for b in found.blocks] == [
            b.read(0, b.used_length) for b in expected.blocks
        ]
        assert found.physical.read(0xFFFFFFF0, 16) == expected.physical.read(0xFFFFFFF0, 16)
        start = expected.blocks[0].runs()[0, 0] * expected.blocks[0].page_size
        pattern = expected.blocks[0].read(int(start), 32)
        assert any(pattern)
        assert list(found.physical.search(pattern)) == list(expected.physical.search(pattern))


def test_the_same_judgement(form: str, fixtures: Fixtures) -> None:
    file = fixtures["killed"].path
    expected = check(file)
    assert expected.findings
    with FORMS[form][0](file) as had:
        found = check(had)
    assert (found.findings, found.qemu, found.verdict) == (
        expected.findings,
        expected.qemu,
        expected.verdict,
    )


def test_the_same_memory_is_written_and_compared(
    form: str, fixtures: Fixtures, tmp_path: Path
) -> None:
    file = fixtures["pc"].path
    with FORMS[form][0](file) as had, mappedram.open(had) as found, mappedram.open(file) as other:
        assert compare(found, other, channels=4).same is True
        block = found.block["pc.ram"]
        with (tmp_path / "out").open("w+b") as out:
            extract(block, out.fileno(), ExportOptions(channels=4))
        assert (tmp_path / "out").read_bytes() == other.block["pc.ram"].read(0, block.used_length)


def test_save_images_and_metadumps(form: str, fixtures: Fixtures, samples: Samples) -> None:
    """What is found inside of a file is found in all of them."""
    having, _ = FORMS[form]
    with metadump(fixtures["pc"].path, options=Options()) as fd:
        packed = Path(f"/proc/self/fd/{fd}")
        with having(packed) as had, mappedram.open(had) as found:
            assert found.source.packed is not None
            assert found.stream.machine
    for name in ("sparse", "gzip", "lzop"):
        if name == "lzop" and shutil.which(name) is None:
            continue
        with having(samples[name].path) as had, open_any(had) as (found, around):
            assert around is not None
            assert found.stream.machine


def test_a_file_object_is_not_closed(fixtures: Fixtures) -> None:
    file = io.BytesIO(fixtures["none"].path.read_bytes())
    with mappedram.open(file):
        pass
    assert not file.closed


def test_opening_reads_no_page_of_a_file_object(tmp_path: Path) -> None:
    """A file of 1 TiB, all but the headers of which would take hours."""
    with (tmp_path / "huge").open("w+b") as stream:
        OracleFile([OracleBlock(f"block{n}", 1 << 37) for n in range(8)]).write(stream.fileno())
        counting = Counting(stream)
        with mappedram.open(counting) as found:
            assert len(found.blocks) == 8
        assert 0 < counting.count < 1 << 18


class Text:
    """Gives text."""

    def read(self, _size: int, /) -> str:
        return ""

    def seek(self, _offset: int, _whence: int = 0, /) -> int:
        return 0


def test_what_cannot_be_read() -> None:
    with pytest.raises(UnsupportedError, match="in text mode"):
        mappedram.open(Text())  # type: ignore[arg-type]
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as pipe, os.fdopen(writer, "wb"):
        with pytest.raises(UnsupportedError, match="a pipe"):
            mappedram.open(pipe)
        with pytest.raises(UnsupportedError, match="not seekable"):
            mappedram.open(Unseekable())
    for nothing in (None, 1.5, [b""]):
        with pytest.raises(TypeError, match="expected a path, a descriptor, bytes"):
            mappedram.open(nothing)  # type: ignore[arg-type]
    with pytest.raises(BufferError, match="contiguous"):
        mappedram.open(memoryview(bytes(16))[::2])
    with pytest.raises(UnsupportedError, match="the file is empty"):
        mappedram.open(b"")


class Unseekable(io.BytesIO):
    """Such as what comes over a socket."""

    def seekable(self) -> bool:
        return False


def test_a_file_object_that_ends_early(fixtures: Fixtures) -> None:
    file = io.BytesIO(fixtures["none"].path.read_bytes())
    with mappedram.open(file) as found:
        stamp = found.source.stamp()
        number = int(found.blocks[0].runs()[-1][0])
        file.truncate(4096)
        assert found.source.stamp() != stamp
        with pytest.raises(TruncatedError, match="shrank"):
            found.blocks[0].page(number)


def test_names(fixtures: Fixtures, tmp_path: Path) -> None:
    file = fixtures["none"].path
    assert check(file.read_bytes()).file == "<bytes>"
    assert check(io.BytesIO(file.read_bytes())).file == "<BytesIO>"
    with file.open("rb") as stream:
        assert check(stream).file == str(file)
        assert check(stream.fileno()).file == f"<fd {stream.fileno()}>"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsupportedError) as caught:
        mappedram.open(tmp_path / "pipe")
    assert caught.value.filename == str(tmp_path / "pipe")


def test_where_bytes_are_used_in_place(fixtures: Fixtures) -> None:
    file = fixtures["none"].path
    data = file.read_bytes()
    for had in (file, data, io.BytesIO(data)):
        with open_source(had) as source:
            found = source.view(2, 4)
            assert (found is None) == isinstance(had, io.BytesIO)
            assert found is None or (found.readonly and bytes(found) == data[2:6])
            assert source.view(len(data) - 1, 2) is None


def test_a_protocol_is_enough(fixtures: Fixtures) -> None:
    file: BinaryFile = Counting(io.BytesIO(fixtures["none"].path.read_bytes()))
    with mappedram.open(file) as found:
        assert found.blocks
