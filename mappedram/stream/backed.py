"""Blocks that the save left out, with their memory in a file of its own.

With x-ignore-shared, QEMU leaves shared memory out of a snapshot: it stays in the file behind the
memory backend, and any number of guests can start from it. Such a file, given by the caller, stands
for the pages of its block: byte n of the file is byte n of the block, and its holes are zeros.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property

from mappedram.errors import BackingError, TruncatedError, UnsupportedError
from mappedram.io.opening import Openable, name_of, open_source
from mappedram.io.source import Source
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.block import Block, BlockSurroundings
from mappedram.stream.coverage import Coverage
from mappedram.stream.model import RamBlock


def back(
    snapshot: BlockSurroundings,
    blocks: Sequence[Block],
    memory: Mapping[str, Openable],
    opened: ExitStack,
) -> tuple[Block, ...]:
    """The blocks, with files in place of those that the save left out.

    Args:
        snapshot: the snapshot that they belong to.
        blocks: its blocks.
        memory: a file for each of some blocks, by `idstr`.
        opened: closes the files.

    Raises:
        BackingError: there is no such block, or the snapshot has its pages.
        TruncatedError: a file is shorter than its block.
        UnsupportedError: the size of a page is unknown.
        OSError: a file cannot be opened.
    """
    names = [block.idstr for block in blocks]
    for idstr in memory:
        if idstr not in names:
            known = ", ".join(map(repr, names)) or "none"
            raise BackingError(f"memory: no block {idstr!r}; blocks: {known}")
    with ExitStack() as stack:
        found = tuple(
            _backed(snapshot, block, memory[block.idstr], stack) if block.idstr in memory else block
            for block in blocks
        )
        opened.push(stack.pop_all())
        return found


def _backed(
    snapshot: BlockSurroundings, block: Block, file: Openable, opened: ExitStack
) -> "BackedBlock":
    if block.has_pages or not block.coverage.is_left_out:
        raise BackingError(f"memory: the save did not leave out block {block.idstr!r}")
    page_size = snapshot.stream.page_size
    if not page_size or block.used_length % page_size:
        raise UnsupportedError(f"block {block.idstr!r}: the size of its pages is unknown")
    source = opened.enter_context(open_source(file))
    if source.size < block.used_length:
        error = TruncatedError(
            f"block {block.idstr!r} has {block.used_length:#x} bytes, this file {source.size:#x}",
            expected=f"a file of at least {block.used_length:#x} bytes",
            actual=source.size,
        )
        error.filename = name_of(file)
        raise error
    return BackedBlock(snapshot, block.model, source, page_size)


@dataclass(frozen=True, slots=True)
class _BackedModel(RamBlock):
    """The header of a block whose pages are in a file of its own, from byte 0 on."""

    target_page_size: int = 0

    @property
    def ignored(self) -> bool:
        """The pages are there."""
        return False

    @property
    def has_data(self) -> bool:
        """The pages are there."""
        return True

    @property
    def page_size(self) -> int:
        """Size of a target page in bytes."""
        return self.target_page_size

    @property
    def bitmap_offset(self) -> None:
        """There is no bitmap."""

    @property
    def pages_offset(self) -> int:
        """First byte of page 0."""
        return 0


class BackedBlock(Block):
    """A block whose pages are in a file of its own. Made by `back`.

    Args:
        snapshot: the snapshot that it belongs to.
        model: its header.
        memory: the file.
        page_size: size of a target page in bytes.
    """

    def __init__(
        self, snapshot: BlockSurroundings, model: RamBlock, memory: Source, page_size: int
    ) -> None:
        super().__init__(snapshot, _BackedModel(model.element, model.word_size, page_size))
        self.recorded = None
        self._memory = memory

    @property
    def source(self) -> Source:
        """The file with its pages."""
        return self._memory

    @property
    def memory(self) -> str:
        """Name of the file with its pages."""
        return self._memory.name

    @cached_property
    def bitmap(self) -> Bitmap:
        """The pages that are not holes of the file."""
        return Bitmap.from_runs(list(self._runs()), self.num_pages)

    def _runs(self) -> Iterator[tuple[int, int]]:
        """The runs of pages with data; two never touch."""
        begin = end = 0
        for start, stop in self._memory.extents(0, self.used_length):
            first, last = start // self.page_size, -(-stop // self.page_size)
            if first <= end:
                end = max(end, last)
                continue
            if begin < end:
                yield begin, end
            begin, end = first, last
        if begin < end:
            yield begin, end

    def prefetch_bitmap(self) -> None:
        """There is no bitmap."""

    @cached_property
    def coverage(self) -> Coverage:
        """All of the memory is known."""
        return Coverage(self.idstr, self.used_length, self.page_size, ())

    def file_offset(self, offset: int, size: int) -> None:
        """None: the snapshot does not have the bytes."""
        del offset, size
