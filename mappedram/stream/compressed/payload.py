"""Decompress a stream, piece by piece.

libvirt pipes the stream through the program of that name. These programs accept several
concatenated compressed streams, and so does this module.
"""

import bz2
import lzma
import shutil
import subprocess
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from io import RawIOBase
from typing import Protocol

from mappedram.errors import FormatError, TruncatedError, UnsupportedError
from mappedram.format.libvirt import SaveFormat
from mappedram.io import system
from mappedram.io.source import Source
from mappedram.stream.compressed.magic import kind_of

#: Maximum size of a piece, except for zstd, whose pieces depend on the input size below.
STEP = 1 << 20
#: zstd expands 4 bytes to at most 128 KiB.
_ZSTD_INPUT = 1 << 10
#: Memory limit of a decompressor in bytes; `xz -9` needs 65 MiB.
_MEMORY_MAX = 192 << 20


def decompressed(
    source: Source, offset: int, kind: SaveFormat, path: str, step: int = STEP
) -> Generator[bytes]:
    """Yield the decompressed stream that begins at `offset`, in pieces.

    Args:
        source: the file.
        offset: where the compressed bytes begin.
        kind: how they are compressed.
        path: the place in the structure that errors name.
        step: what one piece holds at most, where the program lets that be chosen.

    Raises:
        UnsupportedError: this machine has no decompressor for it.
        TruncatedError: the file ends within the compressed stream.
        FormatError: it is damaged.
    """
    name = kind.name.lower()
    try:
        yield from _OPENERS[kind](source, offset, step)
    except _MissingError as error:
        raise UnsupportedError(str(error), offset=offset, path=path) from error
    except EOFError as error:
        raise TruncatedError(
            f"the stream, compressed with {name}, is truncated at the end of the file at"
            f" {source.size:#x}",
            offset=source.size,
            path=path,
        ) from error
    except (_DamagedError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(name, offset, path, error) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(name, offset, path, error) from error  # bz2 raises OSError for wrong data


class _MissingError(Exception):
    """What decompresses it is not on this machine."""


class _DamagedError(Exception):
    """A program or an optional library reports wrong data."""


def _damaged(name: str, offset: int, path: str, error: Exception) -> FormatError:
    return FormatError(
        f"the stream, compressed with {name}, is damaged: {error}", offset=offset, path=path
    )


class _Tail(RawIOBase):
    """A file from some offset on."""

    def __init__(self, source: Source, offset: int) -> None:
        super().__init__()
        self._source = source
        self._position = offset

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._source.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


class _Decompressor(Protocol):
    """Common interface of bz2 and lzma decompressors."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _GzipDecompressor:
    """The same interface for gzip."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._has_more = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._has_more

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decompress up to `max_length` further bytes."""
        made = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._has_more = bool(self._inner.unconsumed_tail) or len(made) == max_length
        return made


def _gzip(source: Source, offset: int, step: int) -> Generator[bytes]:
    return _each(source, offset, _GzipDecompressor, SaveFormat.GZIP, step)


def _bzip2(source: Source, offset: int, step: int) -> Generator[bytes]:
    return _each(source, offset, bz2.BZ2Decompressor, SaveFormat.BZIP2, step)


def _xz(source: Source, offset: int, step: int) -> Generator[bytes]:
    def new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY_MAX)

    return _each(source, offset, new, SaveFormat.XZ, step)


def _each(
    source: Source,
    offset: int,
    new: Callable[[], _Decompressor],
    kind: SaveFormat,
    step: int,
) -> Generator[bytes]:
    """Decompress concatenated streams, each with a new decompressor."""
    tail = _Tail(source, offset)
    data = _read(tail, STEP)
    while kind_of(data) == kind:
        decompressor = new()
        while not decompressor.eof:
            if decompressor.needs_input and not data:
                data = _read(tail, STEP)
            yield decompressor.decompress(data, step)
            data = b""
        data = decompressor.unused_data + (tail.read(STEP) or b"")


def _zstd(source: Source, offset: int, step: int) -> Generator[bytes]:
    try:
        import zstandard
    except ImportError:
        yield from _program("zstd", "or the package zstandard (`mappedram[zstd]`)")(
            source, offset, step
        )
        return
    tail = _Tail(source, offset)
    data = _read(tail, _ZSTD_INPUT)
    try:
        while kind_of(data) == SaveFormat.ZSTD:
            decompressor = zstandard.ZstdDecompressor().decompressobj()
            while True:
                yield decompressor.decompress(data)
                if decompressor.eof:
                    break
                data = _read(tail, _ZSTD_INPUT)
            data = decompressor.unused_data + (tail.read(_ZSTD_INPUT) or b"")
    except zstandard.ZstdError as error:
        raise _DamagedError(error) from error


def _read(tail: _Tail, length: int) -> bytes:
    """Read exactly `length` bytes."""
    data = tail.read(length)
    if not data:
        raise EOFError
    return data


def _program(name: str, instead: str = "") -> Callable[[Source, int, int], Generator[bytes]]:
    """Decompress with a program, as libvirt does, if no library is available."""

    def run(source: Source, offset: int, step: int) -> Generator[bytes]:
        if shutil.which(name) is None:
            raise _MissingError(
                f"the stream is compressed with {name}: install the program {name}"
                f"{instead and f', {instead}'}"
            )
        with _standing_at(source, offset) as fd:
            process = subprocess.Popen(
                [name, "-dc"], stdin=fd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        with process:
            assert process.stdout
            try:
                while data := process.stdout.read(step):
                    yield data
            except BaseException:
                process.kill()
                raise
        # On a device other data follows the stream, and the program reports that as an error.
        if process.returncode and not source.is_device:
            raise _DamagedError(f"the program {name} exited with status {process.returncode}")

    return run


@contextmanager
def _standing_at(source: Source, offset: int) -> Iterator[int]:
    """A separate descriptor at an offset, because the program reads from its position.

    Without a local file, the rest of the source is copied into a temporary one.
    """
    fd = source.open_again(offset)
    if fd is not None:
        try:
            yield fd
        finally:
            system.release(fd)
        return
    from tempfile import TemporaryFile

    with TemporaryFile(buffering=0) as file:
        shutil.copyfileobj(_Tail(source, offset), file, STEP)
        file.seek(0)
        yield file.fileno()


_OPENERS: dict[SaveFormat, Callable[[Source, int, int], Generator[bytes]]] = {
    SaveFormat.GZIP: _gzip,
    SaveFormat.BZIP2: _bzip2,
    SaveFormat.XZ: _xz,
    SaveFormat.LZOP: _program("lzop"),
    SaveFormat.ZSTD: _zstd,
}
