"""Copy a snapshot with a new layout, with the same RAM or with other RAM in some blocks."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mappedram.errors import BuildError
from mappedram.export.streaming import EarlyPages
from mappedram.format.constants import (
    CAPABILITY_X_IGNORE_SHARED,
    MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
)
from mappedram.io import system
from mappedram.io.copying import Progress, in_parallel
from mappedram.io.source import Source
from mappedram.stream.block import Block
from mappedram.stream.coverage import Coverage, require_known
from mappedram.stream.page_records import RecordedPages
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.writer import BlockSpec, Envelope, SnapshotWriter


@dataclass(frozen=True, slots=True)
class OutputLayout:
    """Layout of the copy.

    Attributes:
        offset: where the stream begins in the new file.
        align: alignment of `pages_offset`, in bytes.
        drop_zero_pages: leave out stored pages that are zero.
        dense: allocate all of the file on the disk, so that it has no holes.
        channels: number of threads.
        direct_io: bypass the page cache if the file system can.
        partial: write zeros for pages that the snapshot does not know.
    """

    offset: int = 0
    align: int = MAPPED_RAM_FILE_OFFSET_ALIGNMENT
    drop_zero_pages: bool = False
    dense: bool = False
    channels: int = 1
    direct_io: bool = False
    partial: bool = False


def lay_out(
    snapshot: OpenSnapshot,
    fd: int,
    layout: OutputLayout = OutputLayout(),
    *,
    replace: Mapping[str, Source] | None = None,
    early: EarlyPages | None = None,
    progress: Progress | None = None,
) -> str | None:
    """Write the snapshot into the empty file open as `fd`.

    Args:
        snapshot: devices, and RAM of all blocks that are not replaced.
        fd: descriptor of a seekable file, open for reading and writing; empty except for `early`.
        layout: layout of the new file.
        replace: raw files for some of the blocks, by `idstr`; of the size of the block.
        early: has written pages to the same file with the same layout while the snapshot was
            opened. `drop_zero_pages` and `direct_io` do not apply to those.
        progress: called with the number of bytes moved.

    Returns:
        Why `direct_io` was not used although it was asked for; None otherwise.

    Raises:
        BuildError: the snapshot has no complete RAM part, or a block to be replaced is not in it or
            has another size; or `early` has another layout.
        UnknownPagesError: the snapshot does not know all that is to be written.
        FormatError: the header of a block cannot be right, or the file ends within the devices.
        OSError: reading or writing failed.
    """
    replace = replace or {}
    refuse_cut(snapshot, replace, partial=layout.partial)
    _refuse_names(snapshot, replace)
    read = [one for source in replace.values() for one in source.descriptors]
    system.refuse_source(fd, *snapshot.descriptors, *read)
    kept = early is not None and early.begun
    with _writer(snapshot, fd, layout, replace, keep=kept) as writer:
        if early is not None and kept and not early.fit(writer.blocks):
            raise BuildError("the pages written while reading are at other offsets")
        for block in snapshot.blocks:
            if block.idstr in replace:
                writer.write_file(block.idstr, replace[block.idstr], progress=progress)
            elif block.model.has_data:
                _copy(block, writer, layout, progress)
            elif block.recorded:
                recorded = block.recorded
                if kept:
                    writer.keep_pages(block.idstr, recorded.runs(), recorded.zero_runs())
                    recorded = recorded.encoded()
                _collect(block, recorded, writer, layout, progress)
        writer.finish()
        if layout.dense:
            system.fill_holes(fd)
        return writer.direct_io_refused


def _refuse_names(snapshot: OpenSnapshot, replaced: Collection[str]) -> None:
    """Refuse to replace a block that there is not."""
    unknown = sorted(set(replaced) - set(snapshot.block))
    if unknown:
        raise BuildError(f"no block {unknown[0]!r}; blocks: {', '.join(map(repr, snapshot.block))}")


def _writer(
    snapshot: OpenSnapshot, fd: int, layout: OutputLayout, replaced: Collection[str], *, keep: bool
) -> SnapshotWriter:
    """The writer of a copy; it has written the headers."""
    page_size = snapshot.stream.page_size
    if page_size is None:
        raise BuildError("the page size is unknown")
    blocks = [_spec(block, block.idstr in replaced) for block in snapshot.blocks]
    return SnapshotWriter(
        fd,
        Envelope.of(snapshot, dropped=no_longer_ignored(snapshot, replaced)),
        blocks,
        page_size=page_size,
        offset=layout.offset,
        channels=layout.channels,
        direct_io=layout.direct_io,
        align=layout.align,
        word_size=next((block.word_size for block in snapshot.stream.blocks), 8),
        byteorder=snapshot.byteorder,
        keep=keep,
    )


def no_longer_ignored(snapshot: OpenSnapshot, replaced: Collection[str] = ()) -> tuple[str, ...]:
    """x-ignore-shared if a new file has the pages of all blocks, unlike the snapshot; else nothing.

    QEMU before 11.0 cannot load mapped-ram files with that capability (E-028).
    """
    brought = snapshot.is_backed or any(
        block.idstr in replaced and not block.has_pages for block in snapshot.blocks
    )
    left = any(not block.has_pages and block.idstr not in replaced for block in snapshot.blocks)
    return (CAPABILITY_X_IGNORE_SHARED,) if brought and not left else ()


def lacking(snapshot: OpenSnapshot, replaced: Collection[str] = ()) -> list[Coverage]:
    """Pages of a copy that the snapshot does not know.

    A block that the save left out is also left out of the copy, and lacks nothing.
    """
    return [
        coverage
        for coverage in snapshot.coverages()
        if coverage.unknown and not coverage.is_left_out and coverage.idstr not in replaced
    ]


def refuse_cut(
    snapshot: OpenSnapshot, replaced: Collection[str] = (), *, partial: bool = False
) -> None:
    """Refuse a file that cannot become a complete snapshot.

    Raises:
        UnknownPagesError: pages are unknown, and `partial` is not set.
        FormatError: the file ends within the devices, or they cannot be followed to their end.
    """
    snapshot.require_blocks()
    if not partial:
        require_known(lacking(snapshot, replaced), snapshot.stream.stopped)
    if snapshot.stream.damaged:
        raise snapshot.stream.damaged


def _spec(block: Block, replaced: bool) -> BlockSpec:
    model = block.model
    kept = block.has_pages or replaced
    return BlockSpec(model.idstr, model.used_length, model.addr or 0, ignored=not kept)


def _collect(
    block: Block,
    recorded: RecordedPages,
    writer: SnapshotWriter,
    layout: OutputLayout,
    progress: Progress | None,
) -> None:
    """Write pages of a block that are scattered in a stream, each to its place."""
    step = recorded.batch_size

    def collect(start: int) -> None:
        pages, data = recorded.collect(block.source, start, start + step)
        writer.write_rows(block.idstr, pages, data, keep_zeros=not layout.drop_zero_pages)
        if progress:
            progress(data.nbytes)

    with block.reading_ahead(0, block.used_length):
        in_parallel(collect, iter(range(0, len(recorded.pages), step)), layout.channels)


def _copy(
    block: Block, writer: SnapshotWriter, layout: OutputLayout, progress: Progress | None
) -> None:
    """Copy the stored pages of a block, all of them or those that are not zero."""
    runs = block.stored.runs()
    assert block.model.pages_offset is not None
    copy = writer.scan_pages if layout.drop_zero_pages else writer.copy_pages
    copy(block.idstr, block.source, block.model.pages_offset, runs, progress=progress)
