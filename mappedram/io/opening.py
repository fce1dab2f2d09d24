"""Open a source from a path, a descriptor, bytes or a file object."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from mappedram.errors import MappedRamError
from mappedram.io import system
from mappedram.io.file_source import FileSource
from mappedram.io.memory_source import BinaryFile, MemorySource, ObjectSource
from mappedram.io.remote.address import is_url, local_path
from mappedram.io.source import Source, StoredSource

#: A path or a URL, an open descriptor, bytes in memory, or a seekable binary file object.
Openable: TypeAlias = str | os.PathLike[str] | int | bytes | bytearray | memoryview | BinaryFile

#: File objects that return the bytes of their descriptor, as `gzip.GzipFile` does not.
_PLAIN = (io.FileIO, io.BufferedReader, io.BufferedRandom)


def open_source(file: Openable) -> Source:
    """Open a source, read-only. A metadump reads like its original file.

    Args:
        file: a path or a URL, which the source opens and closes; a descriptor or a file object,
            which stays open; or bytes. The result of Python's `open` is read through its descriptor
            and keeps its position; other file objects do not.

    Raises:
        OSError: it cannot be opened or is a directory.
        UnsupportedError: it is not seekable.
        FormatError: it is a damaged metadump.
        TypeError: the object is none of these.
    """
    name = name_of(file)
    opened = _opened(file, name)
    try:
        opened.look_inside()
    except BaseException as error:
        if isinstance(error, MappedRamError) and isinstance(file, str | os.PathLike):
            error.filename = name
        opened.close()
        raise
    return opened


@contextmanager
def reading(file: Openable | Source) -> Iterator[Source]:
    """Open a source until the block ends; a given source stays open.

    Raises:
        MappedRamError: as `open_source` does.
        OSError: as `open_source` does.
    """
    if isinstance(file, Source):
        yield file
        return
    with open_source(file) as source:
        yield source


def name_of(file: Openable) -> str:
    """Name of a file for messages."""
    if isinstance(file, int):
        return f"<fd {file}>"
    if isinstance(file, bytes | bytearray | memoryview):
        return "<bytes>"
    if isinstance(file, str | os.PathLike):
        return os.fspath(file)
    # fsspec files have `path`, and in newer versions `name`.
    for told in (getattr(file, attribute, None) for attribute in ("name", "path")):
        if isinstance(told, str):
            return told
    return f"<{type(file).__name__}>"


def _opened(file: Openable, name: str) -> StoredSource:
    if isinstance(file, bytes | bytearray | memoryview):
        return MemorySource(file, name)
    if isinstance(file, int):
        return FileSource(file, name, owned=False)
    if isinstance(file, str | os.PathLike):
        return _of_url(file) if is_url(file) else _of_path(os.fspath(file))
    if isinstance(file, _PLAIN):
        if file.writable():
            file.flush()
        return FileSource(file.fileno(), name, owned=False)
    if not (callable(getattr(file, "read", None)) and callable(getattr(file, "seek", None))):
        raise TypeError(
            "expected a path, a descriptor, bytes, or a seekable binary file object, got"
            f" {type(file).__name__}"
        )
    return _of_fsspec(file, name) or ObjectSource(file, name)


def _of_url(url: str) -> StoredSource:
    path = local_path(url)
    if path is not None:
        return _of_path(path)
    from mappedram.io.remote.opening import open_url  # imports fsspec

    return open_url(url)


def _of_fsspec(file: BinaryFile, name: str) -> StoredSource | None:
    """Sources for files of fsspec, which fetch ranges; None for any other file object."""
    if not hasattr(file, "_fetch_range"):
        return None
    from mappedram.io.remote.opening import open_fsspec_file

    return open_fsspec_file(file, name)


def _of_path(path: str) -> FileSource:
    fd = system.open_source(path)
    try:
        return FileSource(fd, path, owned=True)
    except BaseException as error:
        if isinstance(error, MappedRamError):
            error.filename = path
        system.release(fd)
        raise
