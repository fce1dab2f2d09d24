"""Write a snapshot: pages from any thread, in any order, and more than once."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from mappedram.errors import BuildError
from mappedram.format import drivers
from mappedram.format.arithmetic import DEFAULT_WORD_SIZE
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
    MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
)
from mappedram.io import system
from mappedram.io.copying import (
    REMOTE_BATCH,
    Progress,
    WriteTarget,
    batches,
    copy_batch,
    copy_runs,
    grouped,
    in_parallel,
    nonzero_pages,
    pages_of,
    read_fully,
    runs_of,
    share,
    write_rows,
)
from mappedram.io.source import Source
from mappedram.stream.bitmap import ByteOrder
from mappedram.stream.model import RamBlock
from mappedram.stream.writer.bitmap_draft import BitmapDraft
from mappedram.stream.writer.envelope import Envelope
from mappedram.stream.writer.plan import BlockSpec, LayoutPlan, plan
from mappedram.stream.writer.target_file import create_file, refuse_unseekable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.io.spans import Runs

Data = bytes | bytearray | memoryview

#: Bytes that are searched for zero pages at once; they stay in the cache.
_SCAN = 1 << 18
#: Bytes per work item of a thread.
_BATCH = 1 << 24


class SnapshotWriter:
    """A snapshot being written. Made by `create`; a context manager.

    The headers are in the file from the beginning, the bitmaps only after `finish`. If the writer
    dies before, the file is recognisably incomplete.

    Args:
        target: a path, which is created, or a descriptor open for reading and writing.
        envelope: the stream around the RAM blocks.
        blocks: the RAM blocks, in the order of the file.
        page_size: size of a target page in bytes, 1 KiB to 64 KiB.
        offset: start of the stream in the file; bytes before it are unchanged.
        driver: builds the structures.
        channels: threads for `write_file` and `copy_pages`.
        direct_io: write pages past the page cache, if the file system can; `direct_io_refused` has
            the reason if not.
        zero_page_detection: leave out pages that are zero, as QEMU does by default.
        align: alignment of `pages_offset` in bytes; QEMU's writer uses 1 MiB.
        word_size: bytes of an `unsigned long` on the host in whose format bitmaps are written.
        byteorder: byte order of that host.
        keep: keep the bytes after `offset`: pages that are already in place.

    Raises:
        BuildError: no loader could accept such a file.
        UnsupportedError: the target is not seekable.
        FileExistsError: the path exists already.
    """

    def __init__(  # noqa: PLR0913 - three, and options by keyword
        self,
        target: str | os.PathLike[str] | int,
        envelope: Envelope,
        blocks: Sequence[BlockSpec],
        *,
        page_size: int,
        offset: int = 0,
        driver: drivers.DriverName = "construct",
        channels: int = 1,
        direct_io: bool = False,
        zero_page_detection: bool = True,
        align: int = MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
        word_size: int = DEFAULT_WORD_SIZE,
        byteorder: ByteOrder = "little",
        keep: bool = False,
    ) -> None:
        self.envelope, self.channels = envelope, channels
        self.zero_page_detection = zero_page_detection
        self.byteorder = byteorder
        self.plan: LayoutPlan = plan(
            blocks,
            offset + len(envelope.head),
            page_size,
            drivers.get(driver),
            has_addr=CAPABILITY_X_IGNORE_SHARED in envelope.capabilities,
            align=align,
            word_size=word_size,
        )
        self._blocks = {block.idstr: block for block in self.plan.blocks}
        self._bits = {block.idstr: BitmapDraft(block) for block in self.blocks if block.has_data}
        self.page_size = page_size
        self.finished = False
        self._owned = not isinstance(target, int)
        self.fd = target if isinstance(target, int) else create_file(target)
        try:
            self._begin(offset, direct_io=direct_io, keep=keep)
        except BaseException:
            self.close()
            raise

    def _begin(self, offset: int, *, direct_io: bool, keep: bool) -> None:
        """Write what stands around pages and bitmaps, up to the END section of RAM."""
        refuse_unseekable(self.fd)
        self._target = WriteTarget(self.fd, direct_io=direct_io)
        # ext4 writes a truncated file to the disk when it is closed. An empty file is not
        # truncated, to avoid that.
        if not keep:
            system.begin(self.fd, offset, self._end)
        system.write(self.fd, self.envelope.head, offset)
        for place, data in self.plan.headers:
            system.write(self.fd, data, place)
        system.write(self.fd, self.envelope.middle, self.plan.end)

    @property
    def _end(self) -> int:
        """First byte after the snapshot."""
        return self.plan.end + len(self.envelope.middle) + len(self.envelope.tail)

    @property
    def blocks(self) -> tuple[RamBlock, ...]:
        """The blocks with all their offsets."""
        return self.plan.blocks

    @property
    def direct_io_refused(self) -> str | None:
        """Why pages go through the page cache despite `direct_io`; None if they do not."""
        return self._target.refused

    def write_pages(self, idstr: str, first_page: int, data: Data) -> None:
        """Write pages at their places; a zero page clears its bit, whatever the file has there.

        Threads may call this concurrently for different pages; of two that write the same page,
        either may win.

        Args:
            idstr: name of the block.
            first_page: number of the first page.
            data: the bytes of one or more whole pages.

        Raises:
            BuildError: there is no such block, or the pages are not inside it.
            OSError: writing failed.
        """
        import numpy as np

        view = memoryview(data).cast("B")
        block, base = self._place(idstr)
        count, rest = divmod(len(view), self.page_size)
        if rest or first_page < 0 or first_page + count > block.num_pages:
            raise BuildError(
                f"write_pages: {len(view):#x} bytes from page {first_page} are not whole pages of"
                f" block {idstr!r} with {block.num_pages} pages"
            )
        if not count:
            return
        stored = np.ones(count, bool)
        if self.zero_page_detection:
            stored = nonzero_pages(view, self.page_size)
        self._write_stored(base + first_page * self.page_size, view, stored)
        self._bits[idstr].put(first_page, stored)

    def _write_stored(self, place: int, view: memoryview, stored: "NDArray[np.bool_]") -> None:
        """Write the pages of `view` that are `stored`; the first page goes to `place`."""
        if stored.all():
            self._target.write(view, place)
            return
        for start, stop in (runs_of(stored) * self.page_size).tolist():
            self._target.write(view[start:stop], place + start)

    def keep_pages(self, idstr: str, runs: "Runs", zero_runs: "Runs") -> None:
        """Register pages that are already in the file, which was opened with `keep`.

        Args:
            idstr: name of the block.
            runs: stored pages; half-open runs of page numbers, ascending.
            zero_runs: pages that are not stored, whatever the file has at their places.

        Raises:
            BuildError: there is no such block.
            OSError: making holes failed.
        """
        _, base = self._place(idstr)
        for start, stop in (zero_runs * self.page_size).tolist():
            system.zero(self.fd, base + start, base + stop)
        self._bits[idstr].put_runs(runs)

    def write_rows(
        self,
        idstr: str,
        pages: "NDArray[np.int64]",
        data: "NDArray[np.uint8]",
        *,
        keep_zeros: bool = False,
    ) -> None:
        """Like `write_pages`, for pages that need not be consecutive.

        Args:
            idstr: name of the block.
            pages: numbers of the pages, ascending.
            data: their bytes, one row for each.
            keep_zeros: also write pages of zeros, as without `zero_page_detection`.

        Raises:
            BuildError: there is no such block, or a page is not inside it.
            OSError: writing failed.
        """
        block, base = self._place(idstr)
        if len(pages) and (pages[0] < 0 or pages[-1] >= block.num_pages):
            raise BuildError(f"write_rows: pages outside of block {idstr!r}")
        if self.zero_page_detection and not keep_zeros:
            stored = nonzero_pages(data.data.cast("B"), data.shape[1])
            if not stored.all():
                pages, data = pages[stored], data[stored]
        self._bits[idstr].put_runs(write_rows(self._target, pages, data, base))

    def write_file(self, idstr: str, source: Source, *, progress: Progress | None = None) -> None:
        """Fill a block from a raw file of its size, on as many threads as there are channels.

        Holes are not read; pages of zeros are left out.

        Raises:
            BuildError: there is no such block, or the file has another size.
            TruncatedError: the file shrinks meanwhile.
            OSError: reading or writing failed.
        """
        import numpy as np

        block, _ = self._place(idstr)
        if source.size != block.used_length:
            raise BuildError(
                f"expected {block.used_length:#x} bytes for block {idstr!r}, got {source.size:#x}",
                filename=source.name,
            )
        extents = [(0, source.size)]
        if self.zero_page_detection:
            extents = list(source.extents(0, source.size))
        pages = np.array(extents, np.int64).reshape(-1, 2)
        pages[:, 0] //= self.page_size
        pages[:, 1] = -(-pages[:, 1] // self.page_size)
        self.scan_pages(idstr, source, 0, pages, progress=progress)

    def scan_pages(
        self,
        idstr: str,
        source: Source,
        pages_offset: int,
        runs: "Runs",
        *,
        progress: Progress | None = None,
    ) -> None:
        """Like `copy_pages`, but examine each page and leave out those that are zero."""
        block, base = self._place(idstr)
        bits = self._bits[block.idstr]
        # What comes over a network is kept between the passes, so that it should not be much.
        most = (REMOTE_BATCH if source.is_remote else _BATCH) // self.page_size

        def fill(batch: "Runs") -> None:
            # Scanning and copying are two passes: the kernel can copy in one thread while another
            # thread scans.
            for first, part in grouped(batch, most):
                wanted = pages_of(part, first)
                stored = wanted
                if self.zero_page_detection:
                    stored = wanted & self._look(source, pages_offset, first, len(wanted))
                places = (runs_of(stored) + first) * self.page_size + pages_offset
                copy_batch(source, places, self._target, base - pages_offset)
                bits.put(first, stored, wanted)
                if progress:
                    progress(len(wanted) * self.page_size)

        places = runs * self.page_size + pages_offset
        with source.reading_ahead(places, 2 if self.zero_page_detection else 1):
            in_parallel(fill, batches(runs, _BATCH // self.page_size), self.channels)

    def _look(
        self, source: Source, pages_offset: int, first: int, count: int
    ) -> "NDArray[np.bool_]":
        """Whether each of `count` pages from page `first` on is nonzero."""
        import numpy as np

        found = []
        step = _SCAN // self.page_size
        with memoryview(bytearray(_SCAN)) as buffer:
            for page in range(first, first + count, step):
                pages = min(step, first + count - page)
                with buffer[: pages * self.page_size] as view:
                    read_fully(source, view, pages_offset + page * self.page_size)
                    found.append(nonzero_pages(view, self.page_size))
        return np.concatenate(found)

    def copy_pages(
        self,
        idstr: str,
        source: Source,
        pages_offset: int,
        runs: "Runs",
        *,
        progress: Progress | None = None,
    ) -> None:
        """Copy runs of pages from another file unchanged, inside the kernel if possible.

        Args:
            idstr: name of the block.
            source: the file to read.
            pages_offset: offset of page 0 in that file.
            runs: half-open runs of page numbers, ascending; shape (n, 2).
            progress: called with the number of bytes moved.

        Raises:
            BuildError: there is no such block, or a run is not inside it.
            TruncatedError: the source ends before a run does.
            OSError: reading or writing failed.
        """
        block, base = self._place(idstr)
        if not len(runs):
            return
        if runs.min() < 0 or runs.max() > block.num_pages:
            raise BuildError(f"copy_pages: runs reach outside of block {idstr!r}")
        shift = base - pages_offset
        places = runs * self.page_size + pages_offset
        shared = 0 if self._target.is_direct else self._share(source, places, shift)
        if progress:
            progress(int((places[:shared, 1] - places[:shared, 0]).sum()))
        copy_runs(
            source, places[shared:], self._target, shift, channels=self.channels, progress=progress
        )
        self._bits[idstr].put_runs(runs)

    def _share(self, source: Source, places: "Runs", shift: int) -> int:
        """Share the blocks of runs until the file system refuses; return how many were shared."""
        for done, (start, end) in enumerate(places.tolist()):
            if end > source.size or not share(source, start, end, self.fd, shift):
                return done  # copying the rest reports the error, if there is one
        return len(places)

    def finish(self) -> None:
        """Write the bitmaps, then the rest of the stream. The file is complete after this.

        Raises:
            BuildError: it is already finished.
            OSError: writing failed.
        """
        if self.finished:
            raise BuildError("finish: the snapshot is already finished")
        for bits in self._bits.values():
            bits.write(self.fd, self.byteorder)
        system.write(self.fd, self.envelope.tail, self._end - len(self.envelope.tail))
        self.finished = True

    def close(self) -> None:
        """Close the file, finished or not."""
        if hasattr(self, "_target"):
            self._target.close()
        if self._owned and self.fd >= 0:
            system.close(self.fd)
            self.fd = -1

    def _place(self, idstr: str) -> tuple[RamBlock, int]:
        """The block of that name and the offset of its page 0."""
        block = self._blocks.get(idstr)
        if block is None or block.pages_offset is None:
            raise BuildError(f"block {idstr!r}: no such block with pages in this file")
        return block, block.pages_offset

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Options(TypedDict, total=False):
    """Further arguments of `SnapshotWriter`."""

    offset: int
    driver: drivers.DriverName
    channels: int
    direct_io: bool
    zero_page_detection: bool
    align: int
    word_size: int
    byteorder: ByteOrder


def create(  # noqa: PLR0913 - a keyword for each part of the stream
    target: str | os.PathLike[str] | int,
    *,
    machine: str,
    page_size: int,
    blocks: Sequence[BlockSpec],
    capabilities: Sequence[str] = (CAPABILITY_MAPPED_RAM,),
    target_page_bits: int | None = None,
    uuid: bytes | None = None,
    footers: bool = True,
    devices: bytes = b"",
    vmdescription: bytes | None = None,
    **options: Unpack[_Options],
) -> SnapshotWriter:
    """Begin a snapshot without a donor.

    Args:
        target: the path of a new file, or the descriptor of an empty one, which stays open.
        machine: machine type, such as `pc-q35-10.0`.
        page_size: bytes of a target page.
        blocks: the RAM blocks in the order of the file.
        capabilities: what the configuration section announces.
        target_page_bits: for targets whose page size is not fixed.
        uuid: sixteen bytes, for the capability validate-uuid.
        footers: whether sections have footers.
        devices: the sections of the devices, ready to be written.
        vmdescription: the JSON text; one without devices if None; left out if empty.
        options: as for `SnapshotWriter`.

    Returns:
        The writer: fill the blocks, then call `finish`.

    Raises:
        BuildError: no loader could accept such a file.
        UnsupportedError: the target is not seekable.
        FileExistsError: the path exists already.
    """
    envelope = Envelope.plain(
        drivers.get(options.get("driver", "construct")),
        machine=machine,
        page_size=page_size,
        capabilities=capabilities,
        target_page_bits=target_page_bits,
        uuid=uuid,
        footers=footers,
        devices=devices,
        vmdescription=vmdescription,
    )
    return SnapshotWriter(target, envelope, blocks, page_size=page_size, **options)
