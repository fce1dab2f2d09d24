"""What tells the loaders of the releases of QEMU apart: one row for each."""

from dataclasses import dataclass
from typing import Literal

#: How it is known what a release does: seen with that release, read in its source, or concluded
#: from the releases around it.
Basis = Literal["measured", "read", "inferred"]


@dataclass(frozen=True, slots=True)
class Release:
    """One release.

    Attributes:
        name: such as `10.0`.
        checks_page_size: whether `page_size` has to be that of the destination.
        reads_addr: whether the field `addr` is read with `x-ignore-shared`.
        skips_empty_blocks: whether, with `x-ignore-shared`, a block with two zero offsets is left
            alone.
        compress: whether there is the capability `compress`, and so the record COMPRESS_PAGE.
        avr_pages_of_1k: whether target pages of AVR have 1 KiB, and no longer 256 bytes.
        signed_lengths: whether lengths in the configuration section are `int` where memory is set
            aside for them, so that one of 2 GiB or more kills QEMU.
        basis: how this is known.
    """

    name: str
    checks_page_size: bool
    reads_addr: bool
    skips_empty_blocks: bool
    compress: bool
    avr_pages_of_1k: bool
    signed_lengths: bool
    basis: Basis


Question = Literal[
    "checks_page_size", "reads_addr", "skips_empty_blocks", "avr_pages_of_1k", "signed_lengths"
]


class Loader:
    """A release that is asked, while it loads a file, what it does.

    Few files make the releases differ: all that answer alike what was asked come to the same end.
    """

    def __init__(self, release: Release) -> None:
        self._release = release
        self._asked: set[Question] = set()

    def does(self, question: Question) -> bool:
        """What the release answers, which is remembered."""
        self._asked.add(question)
        answer: bool = getattr(self._release, question)
        return answer

    def is_like(self, release: Release) -> bool:
        """Whether another release would have given the same answers."""
        return all(getattr(release, q) == getattr(self._release, q) for q in self._asked)


# Source: QEMU migration/ram.c, parse_ramblock() and parse_ramblock_mapped_ram(). `addr` and empty
# blocks: b043f6df27 and 0b510b51b6, merged for 11.0. The check of page_size is in 11.1.3 and not in
# 10.2.2; whether 11.0 has it is not known. COMPRESS_PAGE: ram_load_precopy() of 9.0 takes it, that
# of 10.0 does not. Pages of AVR: target/avr/cpu-param.h, up to 10.0 and since. Lengths:
# migration/vmstate.c, vmstate_size(); measured with 10.0.2 and 11.1.3, and not known of 11.0.
#
#   release | page_size | addr | empty blocks | compress | AVR: 1 KiB | signed lengths | known how
_ROWS: tuple[tuple[str, bool, bool, bool, bool, bool, bool, Basis], ...] = (
    ("9.0", False, False, False, True, False, True, "read"),
    ("9.1", False, False, False, False, False, True, "inferred"),
    ("9.2", False, False, False, False, False, True, "inferred"),
    ("10.0", False, False, False, False, False, True, "measured"),
    ("10.1", False, False, False, False, True, True, "inferred"),
    ("10.2", False, False, False, False, True, True, "read"),
    ("11.0", False, True, True, False, True, True, "inferred"),
    ("11.1", True, True, True, False, True, False, "measured"),
)

RELEASES: dict[str, Release] = {row[0]: Release(*row) for row in _ROWS}
