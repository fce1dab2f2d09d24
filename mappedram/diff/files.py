"""Compare two files."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from mappedram.diff.compare import compare, to_be_compared
from mappedram.diff.differences import Comparison
from mappedram.errors import MappedRamError
from mappedram.io.opening import Openable, name_of
from mappedram.io.progress import Progressing, silent
from mappedram.io.source import Source
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import OpenSnapshot

Compared: TypeAlias = Openable | Source | OpenSnapshot


def diff(  # noqa: PLR0913 - as many as the command has options
    a: Compared,
    b: Compared,
    *,
    offset_a: int = 0,
    offset_b: int = 0,
    memory_a: Mapping[str, Openable] | None = None,
    memory_b: Mapping[str, Openable] | None = None,
    channels: int = 1,
    partial: bool = False,
    progress: Progressing = silent,
) -> Comparison:
    """Compare two guests: machine, RAM blocks, pages, and devices field by field.

    The layout of the files is not compared: offsets, alignment, the order of blocks, and whether
    zero pages are stored.

    Args:
        a: the first: as for `mappedram.open`, a libvirt save image, or an open snapshot.
        b: the second.
        offset_a: start of the stream in the first.
        offset_b: start of the stream in the second.
        memory_a: files for blocks that the first leaves out, as for `mappedram.open`.
        memory_b: the same for the second.
        channels: number of threads that compare pages.
        partial: compare the known pages of blocks with unknown ones.
        progress: reports progress.

    Raises:
        MappedRamError: as for `mappedram.open`; `filename` has the name of the file. Parts that
            cannot be compared are in `trouble` of the result.
        OSError: a file cannot be opened or read.
    """
    with ExitStack() as stack:
        opened = []
        for file, offset, memory in ((a, offset_a, memory_a), (b, offset_b, memory_b)):
            with _blamed(file):
                snapshot, _ = stack.enter_context(
                    open_any(file, offset, partial=True, memory=memory)
                )
                snapshot.require_blocks()
                opened.append(snapshot)
        first, second = opened
        with progress("diff", to_be_compared(first, second)) as moved:
            return compare(first, second, channels=channels, partial=partial, progress=moved)


@contextmanager
def _blamed(file: Compared) -> Iterator[None]:
    """Set `filename` of errors."""
    try:
        yield
    except MappedRamError as error:
        if not isinstance(file, Source | OpenSnapshot):
            error.filename = error.filename or name_of(file)
        raise
