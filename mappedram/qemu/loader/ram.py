"""The section of RAM: records, the list of blocks, bitmaps, pages.

Source: QEMU migration/ram.c, ram_load_precopy(), parse_ramblocks(), parse_ramblock(),
parse_ramblock_mapped_ram(), mapped_ram_read_header(), read_ramblock_mapped_ram().
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mappedram.format.arithmetic import is_page_size, round_up
from mappedram.format.constants import (
    CAPABILITY_X_IGNORE_SHARED,
    MAPPED_RAM_HDR_VERSION,
    RAM_SAVE_FLAG_COMPRESS_PAGE,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SAVE_FLAG_MULTIFD_FLUSH,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_XBZRLE,
    RAM_SAVE_FLAG_ZERO,
    RAM_SECTION_VERSION,
)
from mappedram.qemu.loader.destination import HOST_PAGE, LocalBlock
from mappedram.qemu.loader.failures import ENDINGS, EndedError
from mappedram.qemu.loader.local import Local
from mappedram.qemu.loader.pages import Brought
from mappedram.qemu.loader.plain import PlainRam
from mappedram.qemu.loader.qemu_file import QemuFile, as_int, as_off_t, c_string
from mappedram.qemu.loader.record_cache import Ledgers
from mappedram.qemu.loader.records import RAM_SAVE_FLAG_HOOK
from mappedram.qemu.loader.releases import (
    CHECKS_PAGE_SIZE,
    COMPRESS,
    MULTIFD_NOTES_ENDS,
    READS_ADDR,
    SKIPS_EMPTY_BLOCKS,
    Loader,
)
from mappedram.qemu.loader.verdict import Outcome

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: The loader takes `addr` for the header of the block. Source: spec/errata.md.
E_IGNORE_SHARED = "E-028"

_U64 = (1 << 64) - 1
#: Records that carry pages in a stream without mapped-ram.
_UNEXPECTED = (
    RAM_SAVE_FLAG_HOOK
    | RAM_SAVE_FLAG_MULTIFD_FLUSH
    | RAM_SAVE_FLAG_PAGE
    | RAM_SAVE_FLAG_XBZRLE
    | RAM_SAVE_FLAG_ZERO
)
#: QEMU MAPPED_RAM_LOAD_BUF_SIZE: bytes of one read.
_LOAD_BUF_SIZE = 1 << 20
_HEADER_SIZE = 28
#: Offsets of fields in the header.
_PAGE_SIZE_AT, _BITMAP_OFFSET_AT, _PAGES_OFFSET_AT = 4, 12, 20
_WORD = 8
#: Rounds that QEMU can make through one list of blocks before it counts as stuck.
ROUNDS_MAX = 20_000
#: Default names of the RAM of a PC. Source: QEMU hw/i386/pc.c, default_ram_id.
_FIRST_BLOCKS = frozenset(("pc.ram",))
#: Limit of blocks and records to follow.
RECORDS_MAX = 1 << 20
#: Limit of bitmap bytes to read; they cover 32 TiB of pages of 4 KiB.
BITMAP_BYTES_MAX = 1 << 30


def multifd_outcome(*, followed: bool) -> Outcome:
    """Outcome of a load with multifd after a channel has passed on an error.

    If QEMU has more to give to the channels, it adds words to the error but does not pass it on
    from there; otherwise it waits for a channel that has ended. If hardly any more is left, QEMU
    may have given that away before the channel fails, and wait as well. Source: QEMU
    migration/ram.c, read_ramblock_mapped_ram(); migration/multifd.c, multifd_recv() and
    multifd_recv_sync_main().

    Args:
        followed: whether another piece of pages follows the unreadable one.
    """
    return "crashes" if followed else "hangs"


@dataclass(slots=True)
class BlockSeen:
    """One entry of the list of blocks, as the loader read it.

    Attributes:
        idstr: name of the local block.
        header_offset: where the entry begins.
        length_offset: where its `used_length` is.
        header_end: first byte behind it.
        used_length: by the file.
        page_size: by the header of the block.
        bitmap_offset: where the bitmap was read.
        pages_offset: where page 0 is, as C reads it: negative from 2^63 on.
    """

    idstr: str
    header_offset: int
    length_offset: int
    header_end: int
    used_length: int
    page_size: int
    bitmap_offset: int
    pages_offset: int


@dataclass(slots=True)
class RamLoad:
    """State of RAM during a load, and what was unusual."""

    local: Local
    release: Loader
    ledgers: Ledgers
    #: RAM state without mapped-ram.
    plain: PlainRam | None = None
    seen: list[BlockSeen] = field(default_factory=list)
    brought: list[Brought] = field(default_factory=list)
    #: Codes of the defects that QEMU ignores, in the order of the file.
    noticed: list[str] = field(default_factory=list)
    #: Defect of the release that makes it lose its place, though the file may be right.
    erratum: str | None = None
    #: Number of blocks that the destination has in a shared file, and the stream does not hold.
    skipped: int = 0
    rounds: int = 0
    sections: int = 0
    #: Failure after all has been loaded, if any.
    behind: EndedError | None = None
    #: Number of MEM_SIZE records that announce no RAM.
    empty_lists: int = 0

    def section(self, file: QemuFile, version_id: int, cut: EndedError) -> None:
        """Load one section of RAM. Source: ram_load().

        Args:
            file: the stream.
            version_id: of its START.
            cut: the result if the file ends within a page record.

        Raises:
            EndedError: QEMU does not reach the end of the section.
        """
        if version_id != RAM_SECTION_VERSION:
            raise EndedError("ram-version")
        self.sections += 1
        if self.plain is None and not self.local.has_mapped_ram:
            self.plain = PlainRam(self.local, self.release, self.ledgers)
        if self.plain is None:
            self._look_ahead(file)
        flags = 0
        visited: set[int] = set()
        while not flags & RAM_SAVE_FLAG_EOS:
            if file.position in visited:
                raise EndedError("loop", *self.noticed, at=file.position)
            visited.add(file.position)
            self._count()
            word = file.number(_WORD)
            if file.failed:
                raise EndedError("ram-word-cut", *self.noticed)
            if self.plain is not None:
                self.plain.find_page_size(word, file.position - _WORD)
            flags = word & self.local.flags_mask
            self._record(file, flags, word - flags)
            if file.failed:
                raise cut if self.plain else EndedError("seek", *self.noticed)

    @property
    def _ignores_shared(self) -> bool:
        """Whether blocks in shared files are left unchanged."""
        return CAPABILITY_X_IGNORE_SHARED in self.local.capabilities

    def _look_ahead(self, file: QemuFile) -> None:
        """Take the page size of the first block: it separates flags from the total before it."""
        start = file.position
        behind_name = start + 9 + int.from_bytes(file.source.peek(start + 8, 1), "big")
        addr = _WORD if self._ignores_shared else 0
        page_size = file.source.peek(behind_name + addr + 12, 8)
        self.local.suppose_page_size(int.from_bytes(page_size, "big"))

    def _record(self, file: QemuFile, flags: int, value: int) -> None:
        if self.plain is not None and self.plain.takes(flags):
            file.position -= _WORD
            self.plain.records(file)
            return
        if self.plain is None and (unexpected := self._unexpected(flags)):
            raise EndedError("ram-flags-unexpected", *self.noticed, flags=unexpected)
        kind = flags & ~RAM_SAVE_FLAG_CONTINUE
        if kind == RAM_SAVE_FLAG_MEM_SIZE:
            self._list(file, value)
        elif kind != RAM_SAVE_FLAG_EOS:
            if kind == RAM_SAVE_FLAG_COMPRESS_PAGE and self.plain is not None:
                self.notice("MR017")
            raise EndedError("ram-flags", *self.noticed, flags=flags)

    def _unexpected(self, flags: int) -> int:
        """The flags that no record has with mapped-ram."""
        unexpected = flags & _UNEXPECTED
        if flags & RAM_SAVE_FLAG_COMPRESS_PAGE and self.release.does(COMPRESS):
            unexpected |= RAM_SAVE_FLAG_COMPRESS_PAGE
        return unexpected

    def _list(self, file: QemuFile, total: int) -> None:
        """Load the list of blocks until `total` is used up. Source: parse_ramblocks()."""
        cycle: dict[int, int] = {}
        self.empty_lists += not total
        while total:
            self._count()
            if self._leads_nowhere(cycle, file.position, total):
                raise EndedError("loop", *self.noticed, at=file.position)
            length = self._block(file)
            if length > total:
                self.notice("MR102")
            total = (total - length) & _U64

    @staticmethod
    def _leads_nowhere(cycle: dict[int, int], position: int, total: int) -> bool:
        """Whether the list repeats an entry and will never end.

        Each round subtracts the same from `total`, so it ends only if `total` becomes exactly 0.
        """
        if position not in cycle:
            cycle[position] = total
            return False
        taken = cycle[position] - total
        return taken <= 0 or total % taken != 0 or total // taken > ROUNDS_MAX

    def _block(self, file: QemuFile) -> int:
        """Load one block; return its length in the file. Source: parse_ramblock()."""
        offset = file.position
        size = file.number(1)
        name = file.get(size)
        name_at, length_at = file.field, file.position
        length = file.number(8)
        idstr = c_string(name)
        block = self.local.block(idstr, length)
        if block is None or (not idstr and file.failed):
            raise EndedError("block", *self.noticed, at=name_at, cut=file.failed, idstr=idstr)
        if self.plain is not None:
            self.plain.block(file, block, length)
            return length
        if self._ignores_shared and self.release.does(READS_ADDR):
            addr = file.number(8)
            if block.shared_at not in (None, addr):
                received, local = as_off_t(addr), block.shared_at
                raise EndedError(
                    "address", *self.noticed, idstr=idstr, received=received, local=local
                )
        elif self._ignores_shared:
            self.erratum = E_IGNORE_SHARED
        self._mapped(file, block, length, offset, length_at)
        return length

    def _mapped(
        self, file: QemuFile, block: LocalBlock, length: int, offset: int, length_at: int
    ) -> None:
        """Load header, bitmap and pages of a block. Source: parse_ramblock_mapped_ram()."""
        head_at = file.position
        head = file.get(_HEADER_SIZE)
        if len(head) < _HEADER_SIZE:
            raise EndedError("header-cut", *self.noticed, got=len(head))
        version, page_size, bitmap_offset, pages_offset = (
            int.from_bytes(head[start:end], "big")
            for start, end in pairwise(
                (0, _PAGE_SIZE_AT, _BITMAP_OFFSET_AT, _PAGES_OFFSET_AT, _HEADER_SIZE)
            )
        )
        if version > MAPPED_RAM_HDR_VERSION:
            raise EndedError("header-version", *self.noticed, version=as_int(version))
        file.field = head_at + _PAGE_SIZE_AT
        self._compare_page_size(page_size)
        if not bitmap_offset | pages_offset:
            if self._ignores_shared and self.release.does(SKIPS_EMPTY_BLOCKS):
                self.local.assumed = True
                self.skipped += 1
                return
            self.notice("MR210")
        if pages_offset % self.local.page_size:
            at = head_at + _PAGES_OFFSET_AT
            raise EndedError("alignment", *self.noticed, at=at, idstr=block.idstr)
        name, end, place = block.idstr, file.position, as_off_t(pages_offset)
        seen = BlockSeen(name, offset, length_at, end, length, page_size, bitmap_offset, place)
        self._bitmap(file, block, seen)
        self.seen.append(seen)
        if not file.failed:
            file.field = head_at + _PAGES_OFFSET_AT
        file.seek(pages_offset + length)

    def _compare_page_size(self, page_size: int) -> None:
        """Refuse or note a page size that is not that of the machine."""
        self.local.suppose_page_size(page_size)
        local = self.local.page_size
        if page_size == local:
            return
        way = "page-size-differs" if is_page_size(page_size) else "page-size-invalid"
        if self.release.does(CHECKS_PAGE_SIZE):
            raise EndedError(way, *self.noticed, page_size=page_size, local=local)
        self.notice(ENDINGS[way].code)

    def _bitmap(self, file: QemuFile, block: LocalBlock, seen: BlockSeen) -> None:
        if seen.page_size == 0:
            raise EndedError("division-by-zero", *self.noticed)
        # As in C: the number of pages may be negative, the number of words is modulo 2^64.
        num_pages = seen.used_length // seen.page_size
        size = (num_pages + 63 & _U64) // 64 * 8
        file.field = seen.length_offset
        self.local.allocate(size, *self.noticed)
        source = self.local.source
        file.field = seen.header_end - _HEADER_SIZE + _BITMAP_OFFSET_AT
        if size and not 0 <= as_off_t(seen.bitmap_offset) <= source.size - size:
            raise EndedError("bitmap", *self.noticed)
        # QEMU reads nothing for an empty bitmap, but remembers that its offset is invalid.
        file.failed |= as_off_t(seen.bitmap_offset) < 0
        if num_pages and size:
            self._pages(block, seen, num_pages)

    def _pages(self, block: LocalBlock, seen: BlockSeen, num_pages: int) -> None:
        """Load the pages whose bits are set. Source: read_ramblock_mapped_ram()."""
        bitmaps, page_size = self.local.bitmaps, self.local.page_size
        limit = min(block.used_length, bitmaps.source.size - seen.pages_offset)
        any_set = False
        for end in bitmaps.ends(seen.bitmap_offset, num_pages):
            any_set |= end > 0
            if end * page_size > limit or (end and seen.pages_offset < 0):
                last = max(bitmaps.ends(seen.bitmap_offset, num_pages)) * page_size
                for runs in bitmaps.iter_runs(seen.bitmap_offset, num_pages):
                    self._refuse_beyond(block, seen, runs, last)
                break
            if bitmaps.bytes_read > BITMAP_BYTES_MAX:
                at = seen.bitmap_offset
                raise EndedError("too-many-bits", *self.noticed, at=at, certain=False)
        if any_set:
            offset = seen.bitmap_offset
            self.brought.append(Brought(block.idstr, seen.pages_offset, offset, num_pages))

    def _refuse_beyond(self, block: LocalBlock, seen: BlockSeen, runs: "Runs", last: int) -> None:
        """Refuse the first piece outside the local block or the file.

        Args:
            block: the local block.
            seen: its entry in the file.
            runs: its pages.
            last: end of the last page with a set bit, in the block.
        """
        page_size, size = self.local.page_size, self.local.source.size
        pages_offset = seen.pages_offset
        beyond = (
            (runs[:, 1] * page_size > block.used_length)
            | (runs[:, 1] * page_size > size - pages_offset)
            | (runs[:, 0] * page_size < -pages_offset)
        )
        for start, stop in (runs[beyond] * page_size).tolist():
            for offset in range(start, stop, _LOAD_BUF_SIZE):
                wanted = min(stop - offset, _LOAD_BUF_SIZE)
                self._refuse_piece(block, seen, offset, wanted, last)

    def _refuse_piece(
        self, block: LocalBlock, seen: BlockSeen, offset: int, wanted: int, last: int
    ) -> None:
        """Refuse a piece that is not in the local block, or not in the file.

        Args:
            block: the local block.
            seen: the same by the file.
            offset: where in the block the piece begins.
            wanted: bytes of it.
            last: where in the block the last page ends that has a bit.
        """
        page_size, size = self.local.page_size, self.local.source.size
        bitmaps = self.local.bitmaps
        if offset >= block.used_length:
            at = bitmaps.byte_of(seen.bitmap_offset, offset // page_size)
            raise EndedError("page-outside", *self.noticed, at=at, idstr=block.idstr)
        mapped = round_up(block.max_length, HOST_PAGE)
        place = seen.pages_offset + offset
        got = min(wanted, mapped - offset, max(0, size - place))
        values: dict[str, Any] = {"idstr": block.idstr, "offset": offset, "place": place & _U64}
        followed = offset + wanted < last
        if place < 0:
            multifd = multifd_outcome(followed=followed)
            at = seen.header_end - _HEADER_SIZE + _PAGES_OFFSET_AT
            raise EndedError("page-place", *self.noticed, at=at, multifd=multifd, **values)
        if got < wanted:
            notes = self.release.does(MULTIFD_NOTES_ENDS)
            is_cut = place + wanted > size
            page_at = bitmaps.byte_of(seen.bitmap_offset, (offset + got) // page_size)
            raise EndedError(
                "page-cut" if is_cut else "page-not-mapped",
                *self.noticed,
                at=place if is_cut else page_at,
                multifd=multifd_outcome(followed=followed) if notes else "crashes",
                got=got,
                wanted=wanted,
                **values,
            )

    def runs_of(self, brought: Brought) -> "Runs":
        """Runs of the pages, in local pages."""
        return self.local.bitmaps.runs(brought.bitmap_offset, brought.num_pages)

    def byte_at(self, offset: int) -> int | None:
        """Read a byte of the block at guest-physical address 0, as loaded so far.

        Returns:
            0 beyond the block; None if the block is not in the stream.
        """
        seen = next((one for one in self.seen if one.idstr in _FIRST_BLOCKS), None)
        if seen is None:
            return None
        page = offset // self.local.page_size
        for entry in reversed(self.brought):
            if entry.idstr == seen.idstr and self.local.bitmaps.has(entry, page):
                return self.local.source.read(entry.pages_offset + offset, 1).ljust(1, b"\0")[0]
        return 0

    def _count(self) -> None:
        """Refuse lists that no real machine has."""
        self.rounds += 1
        if self.rounds > RECORDS_MAX:
            raise EndedError("too-many-records", *self.noticed, certain=False)

    def notice(self, code: str) -> None:
        """Note a defect that QEMU ignores, once."""
        if code not in self.noticed:
            self.noticed.append(code)
