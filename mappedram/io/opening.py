"""Open a source from a path, a descriptor, bytes or a file object."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mappedram.errors import MappedRamError, UnsupportedError
from mappedram.format.foreign.qcow2 import QCOW_MAGIC
from mappedram.io import system
from mappedram.io.file_source import FileSource
from mappedram.io.memory_source import BinaryFile, MemorySource, ObjectSource
from mappedram.io.remote.address import is_url, local_path
from mappedram.io.source import Source, StoredSource

if TYPE_CHECKING:
    from mappedram.io.qcow2 import InternalSnapshot

#: A path or a URL, an open descriptor, bytes in memory, or a seekable binary file object.
Readable: TypeAlias = str | os.PathLike[str] | int | bytes | bytearray | memoryview | BinaryFile


class DiskImage(NamedTuple):
    """A qcow2 image, and which of its internal snapshots to read.

    Attributes:
        file: the image: a path or URL, bytes, a descriptor or a file object.
        snapshot: id or name of the snapshot; None for the only one with the state of a guest.
    """

    file: Readable
    snapshot: str | None = None


#: Anything that can be opened. A qcow2 image without a choice has one snapshot with a state.
Openable: TypeAlias = Readable | DiskImage

#: File objects that return the bytes of their descriptor, as `gzip.GzipFile` does not.
_PLAIN = (io.FileIO, io.BufferedReader, io.BufferedRandom)


def open_source(file: Openable) -> Source:
    """Open what a snapshot stands in, read-only: a file, or the VM state in a qcow2 image.

    Args:
        file: as for `open_file`; or a `DiskImage`, to choose one of several snapshots.

    Raises:
        SnapshotChoiceError: there is no such snapshot in the image, or more than one.
        MappedRamError: as `open_file` does; or the image is damaged, encrypted, or without a VM
            state.
        OSError: it cannot be opened or read, or is a directory.
        TypeError: the object is none of these.
    """
    image = file if isinstance(file, DiskImage) else DiskImage(file)
    source = open_file(image.file)
    try:
        if is_disk_image(source):
            from mappedram.io.qcow2 import open_vm_state  # most files need none of it

            return open_vm_state(source, image.snapshot)
        if image.snapshot is not None:
            raise UnsupportedError(
                f"no qcow2 image, so that it has no snapshot {image.snapshot!r}", offset=0
            )
    except BaseException as error:
        if isinstance(error, MappedRamError) and isinstance(image.file, str | os.PathLike):
            error.filename = source.name
        source.close()
        raise
    return source


def is_disk_image(source: Source) -> bool:
    """Whether a file begins like a qcow2 image.

    Raises:
        OSError: reading failed.
    """
    return source.peek(0, len(QCOW_MAGIC)) == QCOW_MAGIC


def internal_snapshots(file: Readable) -> tuple["InternalSnapshot", ...]:
    """The internal snapshots of a qcow2 image, in the order of its table.

    Args:
        file: a path or a URL, bytes, a descriptor or a file object.

    Raises:
        UnsupportedError: not a qcow2 image, or one that QEMU does not read.
        FormatError: the table is damaged or cut off.
        OSError: it cannot be opened or read, or is a directory.
    """
    from mappedram.io.qcow2 import Qcow2Image

    with open_file(file) as source:
        return Qcow2Image(source).snapshots


def open_file(file: Readable) -> Source:
    """Open a file, read-only, whatever it contains. A metadump reads like its original file.

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
    if isinstance(file, str | os.PathLike):
        opened.address = name if opened.is_remote else os.path.join(os.getcwd(), name)
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
    if isinstance(file, DiskImage):
        return name_of(file.file)
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


def _opened(file: Readable, name: str) -> StoredSource:
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
