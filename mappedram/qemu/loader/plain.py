"""RAM of a stream without mapped-ram: the list of blocks, and the records of their pages.

Source: QEMU migration/ram.c, parse_ramblock(), ram_load_precopy(); system/physmem.c,
qemu_ram_resize().
"""

from dataclasses import replace

from mappedram.format.arithmetic import round_up
from mappedram.format.constants import CAPABILITY_X_IGNORE_SHARED, RAM_SAVE_FLAG_COMPRESS_PAGE
from mappedram.qemu.loader.delivered_pages import Delivered
from mappedram.qemu.loader.destination import HOST_PAGE, LocalBlock
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.local import Local
from mappedram.qemu.loader.qemu_file import QemuFile, as_off_t
from mappedram.qemu.loader.record_cache import Ledgers, Way
from mappedram.qemu.loader.records import PAGED_FLAGS, Blocks, Stretch, try_out
from mappedram.qemu.loader.releases import COMPRESS, READS_ADDR, READS_RECORDS, Loader

#: Name prefix of blocks that QEMU makes available to firmware, which can grow: hw/core/loader.c,
#: rom_set_mr().
_RESIZABLE = "/rom@"
#: Page sizes of targets, the most common first; AVR up to 10.0 has the last one.
_PAGE_SIZES = (1 << 12, 1 << 10, 1 << 13, 1 << 14, 1 << 11, 1 << 15, 1 << 16, 1 << 8)
#: Bytes of the file used to try out a page size.
_TRIED = 1 << 21
#: Most block lengths that are copied at each change; real machines have far fewer.
_COPIED_MAX = 1 << 20
_WORD = 8
_LENGTH_END = 1 << 64


class PlainRam:
    """RAM loaded without mapped-ram.

    Args:
        local: the destination.
        release: the release of the loader.
        ledgers: results of the page records from other loads of the same file.
    """

    def __init__(self, local: Local, release: Loader, ledgers: Ledgers) -> None:
        self._local = local
        self._release = release
        release.does(READS_RECORDS)
        self._ledgers = ledgers
        self._way = Way(ledgers)
        self._known = dict(local.destination.blocks or {})
        self.lengths = {idstr: _aligned(b.used_length) for idstr, b in self._known.items()}
        #: Blocks that the stream has listed.
        self.listed: set[str] = set()
        self._blocks: Blocks | None = None
        self._copied = 0
        self._current: str | None = None
        self._compress: bool | None = None

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return self._local.page_size

    @property
    def ignores_shared(self) -> bool:
        """Whether blocks in shared files are left unchanged."""
        return CAPABILITY_X_IGNORE_SHARED in self._local.capabilities

    @property
    def ignored(self) -> frozenset[str]:
        """Blocks known to be left unchanged."""
        if not self.ignores_shared:
            return frozenset()
        return frozenset(idstr for idstr, b in self._known.items() if b.shared_at is not None)

    @property
    def delivered(self) -> Delivered:
        """Pages delivered so far."""
        return self._way.delivered

    # The list of blocks.

    def block(self, file: QemuFile, block: LocalBlock, length: int) -> None:
        """Read the fields behind the length of a block, and check the length.

        Raises:
            EndedError: QEMU refuses it.
        """
        self._resize(block, length, cut=file.failed)
        self.listed.add(block.idstr)
        page_size_first = not (self.ignores_shared and self._local.postcopy_ram) or (
            not self._release.does(READS_ADDR)
        )
        if page_size_first:
            self._host_page_size(file)
        if self.ignores_shared:
            self._address(file, block)
        if not page_size_first:
            self._host_page_size(file)

    def _resize(self, block: LocalBlock, length: int, *, cut: bool) -> None:
        received = _aligned(length)
        local = self.lengths.setdefault(block.idstr, _aligned(block.used_length))
        can_grow = block.idstr.startswith(_RESIZABLE)
        if can_grow and length and not received:
            # Firmware gets the length as received, which has to fit 32 bits. Source:
            # hw/nvram/fw_cfg.c, fw_cfg_modify_bytes_read().
            raise EndedError("length-rounded-to-none")
        limit = _aligned(block.max_length) if can_grow else local
        if received > limit or (received != local and not can_grow):
            way = "block-too-long" if can_grow else "block-length"
            raise EndedError(way, cut=cut, idstr=block.idstr, received=received, local=limit)
        if received != local or self._blocks is None or block.idstr not in self._blocks.lengths:
            self.lengths[block.idstr] = received
            self._blocks = None

    def _host_page_size(self, file: QemuFile) -> None:
        """With `postcopy-ram`, skip the page size of the block if there is one.

        The stream has it if it is neither the host's nor the target's, which only the file tells. A
        name or a record in its place is no such number: it begins with a length, or has flags.
        """
        if self._local.postcopy_ram:
            found = int.from_bytes(file.peek(0, _WORD), "big")
            usual = max(HOST_PAGE, self._local.page_size)
            if found >= HOST_PAGE and found != usual and not found & (found - 1):
                file.number(_WORD)

    def _address(self, file: QemuFile, block: LocalBlock) -> None:
        received, local = file.number(_WORD), block.shared_at
        if local is not None and local != received:
            received = as_off_t(received)
            raise EndedError("address", idstr=block.idstr, received=received, local=local)

    # The records.

    def takes(self, flags: int) -> bool:
        """Whether `records` handles a record with these flags."""
        if flags & RAM_SAVE_FLAG_COMPRESS_PAGE and self._compress is None:
            self._compress = self._release.does(COMPRESS)
            # The user is assumed to switch it on for such a file.
            self._local.assumed |= self._compress
        return self._stretch(0).has(flags)

    def records(self, file: QemuFile) -> None:
        """Skip the records from the current position on.

        Raises:
            EndedError: QEMU refuses one.
        """
        passed = self._way.pass_next(self._stretch(file.position))
        self._current = passed.current
        file.position = passed.end
        if passed.cut_at is not None:
            file.field, file.failed = passed.cut_at, True

    def _stretch(self, position: int) -> Stretch:
        if self._blocks is None:
            self._copied += len(self.lengths)
            if self._copied > _COPIED_MAX:
                raise EndedError("too-many-records", certain=False)
            self._blocks = self._ledgers.same(Blocks(dict(self.lengths), self.ignored))
        return Stretch(position, self._local.page_size, self._blocks, self._current, self._compress)

    def find_page_size(self, word: int, position: int) -> None:
        """If the page size is unknown, find one that fits the records.

        If the file is cut there, sizes that cut a record are the second choice.

        Args:
            word: first word of the next record.
            position: where it begins.
        """
        if self._local.has_page_size or not word & PAGED_FLAGS:
            return
        if_cut: list[int] = []
        for page_size in _PAGE_SIZES:
            stretch = replace(self._stretch(position), page_size=page_size, compress=True)
            passed = try_out(self._local.source, stretch, _TRIED)
            if passed is not None and passed.cut_at is None:
                self._local.suppose_page_size(page_size)
                return
            if_cut += [] if passed is None else [page_size]
        if if_cut:
            self._local.suppose_page_size(if_cut[0])


def _aligned(length: int) -> int:
    """Round up to host pages, in 64 bits. Source: include/qemu/osdep.h, REAL_HOST_PAGE_ALIGN."""
    return round_up(length, HOST_PAGE) % _LENGTH_END
