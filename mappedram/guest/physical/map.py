"""Make the map of the guest's physical addresses from all sources in a snapshot."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mappedram.errors import OutOfRangeError, UnsupportedError
from mappedram.format.arithmetic import round_up
from mappedram.guest.machine import backends_of, family_of
from mappedram.guest.physical import cmos, rules
from mappedram.guest.physical.boards import BOARD_BASIS, hidden_ranges, placed_blocks
from mappedram.guest.physical.devices import dimms, nvdimms, virtio_mem
from mappedram.guest.physical.low_memory import SHADOWED, VIDEO, low_memory
from mappedram.guest.physical.main_memory import Main, main_memory
from mappedram.guest.physical.memory_hole import Split, split_of
from mappedram.guest.physical.precedence import Canvas
from mappedram.guest.physical.ranges import PhysicalMap, Range
from mappedram.guest.physical.srat import TABLES, Srat, has_tables, srat_of

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

#: RISC-V has the most physical address bits of all.
_ADDRESS_END = 1 << 56


def physical_map(snapshot: "OpenSnapshot", below_4g: int | None = None) -> PhysicalMap:
    """Map the RAM blocks of a snapshot to the guest's physical address space.

    The file does not store this map. It follows from the ACPI tables that QEMU made (an SRAT), from
    the CMOS memory of a PC, and from rules for machine types. The first two are checked against the
    lengths of the blocks. `Range.basis` names the source; `Range.certain` is False if it can be
    wrong.

    Args:
        snapshot: an open snapshot.
        below_4g: bytes of main memory below 4 GiB, if known; overrides the file.

    Raises:
        UnsupportedError: the machine type is unknown and `below_4g` is not given, or no block is
            main memory.
        OutOfRangeError: `below_4g` is not between 1 and 4 GiB.
        OSError: the file cannot be read.
    """
    if below_4g is not None and not 0 < below_4g <= rules.ABOVE_4G:
        raise OutOfRangeError(f"below_4g: expected 1 byte to 4 GiB, got {below_4g:#x}")
    return _Mapping(snapshot, below_4g).result()


class _Mapping:
    """A map under construction."""

    def __init__(self, snapshot: "OpenSnapshot", below_4g: int | None) -> None:
        self.snapshot = snapshot
        self.stream = snapshot.stream
        self.below_4g = below_4g
        self.doubts: list[str] = []
        self.canvas = Canvas()
        self.cmos = cmos.cmos_of(snapshot)
        family, _ = family_of(self.stream) or (None, None)
        names = {block.idstr for block in self.stream.blocks}
        # A stream without a configuration section names no machine, but a PC is recognisable
        # anyway.
        self.cmos_left_out = cmos.is_cmos_left_out(snapshot)
        has_cmos = self.cmos is not None or self.cmos_left_out
        is_pc = family is None and (has_cmos or "pc.ram" in names)
        self.arch = family.arch if family else "x86_64" if is_pc else None
        if self.arch != "x86_64":
            self.cmos, self.cmos_left_out = None, False  # its bytes mean something else there
        self.ram_id = family.ram_id if family else "pc.ram"
        self.layout = rules.layout_of(self.stream.machine, self.arch or "")

    def result(self) -> PhysicalMap:
        srat = srat_of(self.snapshot)
        main = self.main_memory(srat)
        split = split_of(
            self.stream.machine,
            self.layout,
            main.total,
            srat=srat,
            cmos=self.cmos,
            below_4g=self.below_4g,
            is_pc=self.arch == "x86_64",
        )
        self.doubts += [*main.doubts, *self.left_out(split), *split.doubts]
        memory = list(_filled(main, split))
        # The most certain ranges come last, so that nothing hides them.
        self.lay_device_memory(main, split, srat)
        self.lay(memory)
        self.lay_firmware()
        self.lay_board()
        if self.arch == "x86_64" and self.ram_id != "ram":
            self.lay_low_memory()
        ranges = tuple(self.canvas)
        placed = {one.idstr for one in ranges}
        names = dict.fromkeys(block.idstr for block in self.stream.blocks)
        unplaced = tuple(name for name in names if name not in placed)
        return PhysicalMap(ranges, unplaced, tuple(dict.fromkeys(self.doubts)))

    def main_memory(self, srat: Srat | None) -> Main:
        own = [block for block in self.stream.blocks if block.idstr == self.ram_id]
        backends = backends_of(self.stream, self.ram_id)
        total = cmos.total_of(self.cmos) if self.cmos is not None else None
        main = main_memory(own, backends, srat.node_sizes if srat else (), total)
        if not main.total:
            raise UnsupportedError(
                f"machine type {self.stream.machine!r}: none of its RAM blocks is known to be"
                " main memory"
            )
        return main

    def left_out(self, split: Split) -> Iterator[str]:
        """Name data left out by a metadump that could say more about main memory."""
        told_by_tables = TABLES in self.snapshot.block and self.snapshot.source.packed is not None
        what = {
            "the CMOS bytes": self.cmos_left_out,
            "the ACPI tables": told_by_tables,
        }
        missing = " and ".join(name for name, is_missing in what.items() if is_missing)
        if missing and not split.certain:
            yield (f"the split of main memory: the metadump left out {missing}, which show it")

    def lay(self, ranges: Sequence[Range]) -> None:
        """Add ranges on top; a doubt records what they hide unexpectedly."""
        for one in ranges:
            if one.gpa < 0 or one.end > _ADDRESS_END:
                self.doubts.append(
                    f"block {one.idstr!r} of {one.size:#x} bytes does not fit at its address"
                    f" {one.gpa:#x}"
                )
                continue
            for hidden in self.canvas.lay(one):
                self.doubts.append(
                    f"block {one.idstr!r} hides {hidden.size:#x} bytes of {hidden.idstr!r} at"
                    f" {hidden.gpa:#x}"
                )

    def lay_device_memory(self, main: Main, split: Split, srat: Srat | None) -> None:
        taken = []
        for place, ranges, doubt in virtio_mem(self.snapshot):
            taken.append(place)
            self.lay(ranges)
            self.doubts += [doubt] if doubt else []
        others = list(main.others)
        for block, found in nvdimms(others, srat.persistent if srat else ()):
            taken.append((found.gpa, found.size))
            others = [other for other in others if other is not block]
            self.lay([found])
        if not others:
            return
        windows = srat.hotplug if srat else ()
        names = ", ".join(repr(block.idstr) for block in others)
        is_pc = self.layout is not None and self.layout.adjustable
        if not windows and (has_tables(self.snapshot) or not is_pc):
            self.doubts.append(f"the use of {names}: the file shows no address range for DIMMs")
            return
        base = round_up(max(split.end, rules.ABOVE_4G), rules.DEVICE_MEMORY_ALIGNMENT)
        end = None
        if windows:
            base, end = windows[0][0], sum(windows[0])
        self.doubts.append(
            f"whether {names} are DIMMs, and at which addresses: the file does not record it"
        )
        self.lay(list(dimms(others, base, end, taken)))

    def lay_firmware(self) -> None:
        top = rules.ABOVE_4G
        for row in rules.FIRMWARE:
            block = self.snapshot.block.get(row.idstr)
            if row.arch != self.arch or block is None:
                continue
            gpa = row.gpa
            if gpa is None:
                top -= block.used_length
                gpa = top
            basis = "rule: firmware of this machine"
            self.lay([Range(gpa, block.used_length, row.idstr, 0, False, basis, True)])

    def lay_board(self) -> None:
        """Lay blocks at fixed addresses, and cut out what is behind devices."""
        for row in placed_blocks(self.stream.machine):
            block = self.snapshot.block.get(row.idstr)
            if block is not None:
                size, basis = block.used_length, BOARD_BASIS
                self.lay(
                    [Range(gpa, size, row.idstr, 0, row.is_ram, basis, True) for gpa in row.gpas]
                )
        for start, end in hidden_ranges(self.stream.machine):
            self.canvas.clear(start, end)

    def lay_low_memory(self) -> None:
        low = low_memory(self.snapshot)
        for start, end in low.hidden:
            self.canvas.clear(start, end)
        for one in low.ranges:
            self.canvas.lay(one)
        if low.known:
            return
        start, end = VIDEO[0], SHADOWED[1]
        for one in self.canvas.under(start, end):
            self.canvas.lay(replace(one, certain=False))
        reason = "was left out of the metadump" if low.left_out else "cannot be read"
        self.doubts.append(
            f"whether RAM answers {start:#x} to {end:#x}, or ROM and video memory: the state of"
            f" devices {reason}"
        )


def _filled(main: Main, split: Split) -> Iterator[Range]:
    """The pieces of main memory, block by block."""
    pieces = [list(piece) for piece in split.pieces]
    for block in main.blocks:
        offset = 0
        while offset < block.used_length and pieces:
            piece = pieces[0]
            size = min(piece[1], block.used_length - offset)
            certain = main.certain and split.certain
            yield Range(piece[0], size, block.idstr, offset, True, split.basis, certain)
            offset += size
            piece[0] += size
            piece[1] -= size
            if not piece[1]:
                pieces.pop(0)
