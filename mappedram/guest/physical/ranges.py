"""Where the RAM blocks of a snapshot lie in the guest's physical address space."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """Guest-physical addresses that one piece of one RAM block answers.

    Attributes:
        gpa: first guest-physical address.
        size: bytes.
        idstr: name of the RAM block.
        offset: where in the block the range begins, in bytes.
        is_ram: memory that the guest is told of; firmware is not.
        basis: where the knowledge comes from, in words.
        certain: False where the file does not tell, and a rule or a guess does.
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
        """First guest-physical address behind the range."""
        return self.gpa + self.size

    def __repr__(self) -> str:
        sure = "" if self.certain else ", not certain"
        return (
            f"<Range {self.gpa:#x}-{self.end:#x}: {self.idstr!r} from {self.offset:#x} on;"
            f" {self.basis}{sure}>"
        )


@dataclass(frozen=True, slots=True)
class PhysicalMap:
    """All that is known of it.

    Attributes:
        ranges: ascending by `gpa`, none overlapping another.
        unplaced: names of the blocks that lie nowhere in it, such as video memory.
        doubts: what is a guess, in words; empty where nothing is.
    """

    ranges: tuple[Range, ...]
    unplaced: tuple[str, ...]
    doubts: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"<PhysicalMap: {len(self.ranges)} ranges, {len(self.unplaced)} blocks unplaced,"
            f" {len(self.doubts)} doubts>"
        )
