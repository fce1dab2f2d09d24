"""Files for tests: sparse copies of fixtures, bytes patched at a field, files in memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mappedram import Snapshot
from mappedram.io.copying import WriteTarget, copy_data
from mappedram.io.opening import open_source


def copy_sparse(source: Path, target: Path) -> Path:
    """A sparse copy that may be changed."""
    with open_source(source) as opened, target.open("wb") as stream:
        copy_data(opened, 0, opened.size, WriteTarget(stream.fileno()))
        os.ftruncate(stream.fileno(), opened.size)
    return target


def patch(path: Path, offset: int, data: bytes) -> Path:
    """Overwrite bytes of a file in place."""
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)
    return path


def field_place(snapshot: Snapshot, path: str) -> tuple[int, int]:
    """Offset and length of a field by its path, such as `/ram/blocks[0]/mapped_ram/version`."""
    for element in snapshot.stream.elements:
        if path.startswith(f"{element.path}/"):
            for span in snapshot.fields(element):
                if f"{element.path}/{span.path}" == path:
                    return element.offset + span.start, span.end - span.start
    raise LookupError(path)


@contextmanager
def memory_file(data: bytes = b"") -> Iterator[int]:
    """A file in memory: huge sparse ones cost nothing."""
    fd = os.memfd_create("mappedram-test")
    try:
        os.pwrite(fd, data, 0)
        yield fd
    finally:
        os.close(fd)


def extents(path_or_fd: Path | int) -> list[tuple[int, int]]:
    """Parts of a file that are not holes."""
    with open_source(path_or_fd) as source:
        return list(source.extents(0, source.size))
