"""Two files side by side, from opening them to what they differ in."""

from collections.abc import Iterator
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


def diff(
    a: Compared,
    b: Compared,
    *,
    offset_a: int = 0,
    offset_b: int = 0,
    channels: int = 1,
    partial: bool = False,
    progress: Progressing = silent,
) -> Comparison:
    """Compare what two guests had: machine, RAM blocks, pages, and devices field by field.

    How a file keeps it makes no difference: offsets, alignment, the order of blocks, whether a page
    of zeros is stored.

    Args:
        a: the first: what `mappedram.open` takes, a save image of libvirt, or an open snapshot.
        b: the second.
        offset_a: where the stream begins in the first.
        offset_b: where it begins in the second.
        channels: how many threads compare pages.
        partial: compare what is known of blocks of which a file does not tell all.
        progress: shows how far it is.

    Raises:
        MappedRamError: as `mappedram.open` does; `filename` says which of the two it is. What
            cannot be compared is in `trouble` of the result.
        OSError: a file cannot be opened or read.
    """
    with ExitStack() as stack:
        opened = []
        for file, offset in ((a, offset_a), (b, offset_b)):
            with _blamed(file):
                snapshot, _ = stack.enter_context(open_any(file, offset, partial=True))
                snapshot.require_blocks()
                opened.append(snapshot)
        first, second = opened
        with progress("diff", to_be_compared(first, second)) as moved:
            return compare(first, second, channels=channels, partial=partial, progress=moved)


@contextmanager
def _blamed(file: Compared) -> Iterator[None]:
    """An error inside says which file it is about."""
    try:
        yield
    except MappedRamError as error:
        if not isinstance(file, Source | OpenSnapshot):
            error.filename = error.filename or name_of(file)
        raise
