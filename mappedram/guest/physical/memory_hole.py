"""Division of main memory: its addresses, and the source of that knowledge."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappedram.errors import UnsupportedError
from mappedram.guest.physical import cmos as cmos_memory
from mappedram.guest.physical.rules import (
    ABOVE_4G,
    AMD_ABOVE,
    AMD_HOLE,
    PCI_HOLE64,
    MemoryLayout,
    moves_above_1t,
)

if TYPE_CHECKING:
    from mappedram.guest.physical.srat import Srat


@dataclass(frozen=True, slots=True)
class Split:
    """The addresses of main memory.

    Attributes:
        pieces: addresses and sizes, in the order in which blocks fill them.
        basis: source of the knowledge, in words.
        certain: False if it can be wrong.
        doubts: the reasons, as sentences.
    """

    pieces: tuple[tuple[int, int], ...]
    basis: str
    certain: bool
    doubts: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """First address after main memory."""
        return max((gpa + size for gpa, size in self.pieces), default=0)


#: Advice for a machine whose layout is unknown.
_OF_A_PC = "give the size of memory below 4 GiB (below_4g, --below-4g)"
_BLOCKS = "`mappedram extract` writes its RAM blocks"


def split_of(
    machine: str | None,
    layout: MemoryLayout | None,
    total: int,
    *,
    srat: "Srat | None",
    cmos: bytes | None,
    below_4g: int | None,
    is_pc: bool = True,
) -> Split:
    """Find the addresses of `total` bytes of main memory.

    Args:
        machine: the machine type, for messages.
        layout: the rule for it.
        total: bytes of main memory, by its blocks.
        srat: the SRAT of the ACPI tables.
        cmos: the CMOS memory of a PC.
        below_4g: the caller's size of memory below 4 GiB, in bytes.
        is_pc: whether the machine may be a PC, whose memory begins at 0 and continues at 4 GiB.

    Raises:
        UnsupportedError: there is no source.
    """
    told = cmos_memory.below_4g(cmos, total) if cmos is not None else None
    by_cmos = _divided(total, told) if told is not None else None
    tables = tuple(srat.pieces) if srat and srat.total == total else None
    if below_4g is not None:
        return _as_given(machine, layout, total, below_4g, tables or by_cmos)
    doubts = []
    if srat and not tables:
        doubts.append(
            f"main memory: the ACPI tables say {srat.total:#x} bytes, its blocks {total:#x}"
        )
    if tables:
        if by_cmos and not _alike(tables, by_cmos):
            doubts.append(
                "main memory: the ACPI tables and the CMOS bytes differ; the guest can"
                " have written to the CMOS bytes"
            )
        return Split(tables, "SRAT in the ACPI tables", True, tuple(doubts))
    if by_cmos:
        doubt = _doubt_of_amd(machine, by_cmos)
        doubts += [doubt] if doubt else []
        basis = "CMOS bytes 0x34, 0x35 and 0x5b to 0x5d"
        return Split(by_cmos, basis, not doubt, tuple(doubts))
    if cmos is not None:
        doubts.append("main memory: the CMOS bytes do not add up to the length of its blocks")
    return _by_rule(machine, layout, total, doubts, is_pc=is_pc)


def _divided(total: int, below: int) -> tuple[tuple[int, int], ...]:
    pieces = ((0, min(below, total)), (ABOVE_4G, total - below))
    return tuple(piece for piece in pieces if piece[1] > 0)


def _alike(tables: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]) -> bool:
    """Whether both divide memory at one address; the CMOS cannot express 1 TiB."""
    return [size for _, size in tables] == [size for _, size in other]


def _as_given(
    machine: str | None,
    layout: MemoryLayout | None,
    total: int,
    below_4g: int,
    found: tuple[tuple[int, int], ...] | None,
) -> Split:
    if layout is not None and layout.windows[-1].gpa != ABOVE_4G:
        pieces = tuple(layout.pieces(total))
        doubt = "below_4g is ignored: this machine type does not split its memory at 4 GiB"
        return Split(pieces, _rule_of(machine), not layout.doubt, (doubt,))
    given = _divided(total, below_4g)
    doubts: tuple[str, ...] = ()
    if found and not _alike(found, given):
        sizes = " and ".join(f"{size:#x}" for _, size in found)
        doubts = (f"below_4g: according to the file, main memory is split into {sizes}",)
    if layout is None:
        doubts += ("whether memory begins at 0 and continues at 4 GiB, as on a PC",)
    return Split(given, "below_4g, as given", not doubts, doubts)


def _by_rule(
    machine: str | None,
    layout: MemoryLayout | None,
    total: int,
    doubts: list[str],
    *,
    is_pc: bool,
) -> Split:
    if layout is None:
        what = f"machine type {machine!r}" if machine else "a stream without a machine type"
        raise UnsupportedError(f"{what}: unknown memory layout; {_OF_A_PC if is_pc else _BLOCKS}")
    pieces = tuple(layout.pieces(total))
    if layout.adjustable:
        doubts.append(
            "the split of main memory: the file does not record it, and max-ram-below-4g changes"
            " the default"
        )
        amd = _doubt_of_amd(machine, pieces)
        doubts += [amd] if amd else []
    if layout.doubt and (len(pieces) > 1 or len(layout.windows) == 1):
        doubts.append(layout.doubt)
    return Split(pieces, _rule_of(machine), not doubts, tuple(doubts))


def _rule_of(machine: str | None) -> str:
    return f"rule of machine type {machine!r}"


def _doubt_of_amd(machine: str | None, pieces: tuple[tuple[int, int], ...]) -> str:
    end = max(gpa + size for gpa, size in pieces)
    if end < AMD_HOLE - PCI_HOLE64 or not moves_above_1t(machine):
        return ""
    return f"whether the memory at {ABOVE_4G:#x} is at {AMD_ABOVE:#x} instead, as on an AMD host"
