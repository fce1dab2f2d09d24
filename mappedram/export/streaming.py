"""Write pages of a stream without mapped-ram to their places while the stream is parsed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mappedram.errors import BuildError, UnsupportedError
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.io import system
from mappedram.io.copying import Progress
from mappedram.io.vectored import VectoredWriter
from mappedram.stream.model import RamBlock
from mappedram.stream.reader import PageTaker
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.writer import BlockSpec, Envelope
from mappedram.stream.writer.plan import plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class EarlyPages:
    """Writes pages as they are read; `lay_out` then completes the snapshot with mapped-ram.

    All of a stream is read to find its page records. Reading it again for the pages would take
    twice as long. Pass `begin` to `mappedram.open` as `on_pages`.

    Args:
        fd: descriptor of an empty seekable file, open for reading and writing.
        offset: where the stream begins in it.
        align: alignment of `pages_offset`, in bytes.
        on_begin: called with the size of the input if it is such a stream; returns a callback that
            takes the number of bytes written.
    """

    def __init__(
        self,
        fd: int,
        offset: int = 0,
        align: int = MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
        on_begin: Callable[[int], Progress | None] | None = None,
    ) -> None:
        self._fd = fd
        self._offset = offset
        self._align = align
        self._on_begin = on_begin
        self._places: dict[str, int] = {}

    @property
    def begun(self) -> bool:
        """Whether the file holds pages now."""
        return bool(self._places)

    def begin(self, snapshot: OpenSnapshot, page_size: int) -> PageTaker | None:
        """Return the consumer of pages, or None if `lay_out` is certain to refuse.

        Also None for a device, whose old contents must be erased first; and with x-ignore-shared,
        where only the end of RAM shows which blocks were left out and have no place for pages.
        """
        if system.is_device(self._fd) or snapshot.stream.announces_x_ignore_shared:
            return None
        specs = [BlockSpec(model.idstr, model.used_length) for model in snapshot.stream.blocks]
        try:
            snapshot.source.refuse_pages()
            envelope = Envelope.beginning(snapshot)
            planned = plan(
                specs,
                self._offset + len(envelope.head),
                page_size,
                snapshot.driver,
                align=self._align,
            )
        except (BuildError, UnsupportedError):
            return None
        places = self._places = _places(planned.blocks)
        writer = VectoredWriter(self._fd, page_size)
        progress = self._on_begin and self._on_begin(snapshot.source.size)

        def take(
            idstr: str,
            pages: "NDArray[np.int64]",
            starts: "NDArray[np.int64]",
            memory: memoryview,
        ) -> None:
            writer.write(memory, starts, pages, places[idstr])
            if progress:
                progress(len(pages) * page_size)

        return take

    def fit(self, blocks: Sequence[RamBlock]) -> bool:
        """Whether the pages were written where these blocks have them."""
        return self._places == _places(blocks)


def _places(blocks: Sequence[RamBlock]) -> dict[str, int]:
    return {block.idstr: block.pages_offset or 0 for block in blocks}
