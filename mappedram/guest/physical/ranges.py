"""Places of the RAM blocks of a snapshot in the guest's physical address space."""

from dataclasses import dataclass

from mappedram.printable import plural


@dataclass(frozen=True, slots=True)
class Range:
    """Guest-physical addresses of one piece of one RAM block.

    Attributes:
        gpa: first guest-physical address.
        size: size in bytes.
        idstr: name of the RAM block.
        offset: start of the range within the block, in bytes.
        is_ram: whether the guest is told of it as memory; firmware is not.
        basis: source of the knowledge, in words.
        certain: False if it comes from a rule or a guess, not from the file.
    """

    gpa: int
    size: int
    idstr: str
    offset: int
    is_ram: bool
    basis: str
    certain: bool

    @property
    def end(self) -> int:
        """First guest-physical address after the range."""
        return self.gpa + self.size

    def __repr__(self) -> str:
        sure = "" if self.certain else ", not certain"
        return (
            f"<Range {self.gpa:#x}-{self.end:#x}: {self.idstr!r} from {self.offset:#x} on;"
            f" {self.basis}{sure}>"
        )


@dataclass(frozen=True, slots=True)
class PhysicalMap:
    """The known part of the guest's physical address space.

    Attributes:
        ranges: ascending by `gpa`, without overlaps.
        unplaced: names of the blocks without an address, such as video memory.
        doubts: guesses, as sentences; empty if there are none.
    """

    ranges: tuple[Range, ...]
    unplaced: tuple[str, ...]
    doubts: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"<PhysicalMap: {plural(len(self.ranges), 'range')},"
            f" {plural(len(self.unplaced), 'block')} unplaced,"
            f" {len(self.doubts)} doubts>"
        )
