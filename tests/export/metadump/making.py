"""Make metadumps in tests, and read their contents."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mappedram.export.metadump import Options, plan, write_packed
from mappedram.io.opening import open_source


@contextmanager
def metadump(path: Path | int, offset: int = 0, options: Options | None = None) -> Iterator[int]:
    """A descriptor of the metadump of a file."""
    fd = os.memfd_create("metadump")
    try:
        with open_source(path) as source:
            write_packed(plan(source, offset, options), fd, about={})
        yield fd
    finally:
        os.close(fd)


def contents(fd: int) -> bytes:
    """All bytes of a metadump that were not holes, concatenated."""
    with open_source(fd) as source:
        return b"".join(source.read(a, b - a) for a, b in source.extents(0, source.size))


def pieces_of(secret: bytes, data: bytes, length: int = 8) -> set[bytes]:
    """The pieces of `secret` of that length that occur in `data`, at any offset."""
    pieces = {secret[at : at + length] for at in range(len(secret) - length + 1)}
    return {data[at : at + length] for at in range(len(data) - length + 1)} & pieces


def outcomes(report: Any) -> dict[str, str]:
    """The outcome of each release of QEMU."""
    return {release: verdict.outcome for release, verdict in report.qemu.items()}
