"""Results of a comparison, as frozen values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mappedram.errors import MappedRamError
from mappedram.printable import plural
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.model import Section
from mappedram.stream.vmstate import Value

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Where something is: in the first file, in the second, or in both with different values.
Side = Literal["a", "b", "both"]


class TroubleError(MappedRamError):
    """A part of one of the two files cannot be compared. Never raised outside this package."""

    def __init__(self, file: str, reason: object) -> None:
        super().__init__(f"{file}: {reason}")


#: A value in a header; None if the header does not have it.
Said = int | str | list[str] | None


@dataclass(frozen=True, slots=True)
class HeaderDifference:
    """One difference in what the headers say of the whole guest; None if a file lacks the value."""

    name: str
    a: Said
    b: Said


@dataclass(frozen=True, slots=True)
class BlockDifference:
    """One difference in the header of a RAM block.

    `name` is `block` if only one file has the block; the value is then its length.
    """

    idstr: str
    name: str
    a: int | None
    b: int | None


@dataclass(frozen=True)
class PageDifferences:
    """The pages of one RAM block.

    Attributes:
        idstr: name of the block.
        page_size: bytes of guest memory for each bit of `differing`: the smaller page size of both.
        stored_a: number of pages of that size in the first file.
        stored_b: in the second.
        differing: bitmap of pages with different contents.
        unknown: number of pages that were not compared because a file lacks their contents.
    """

    idstr: str
    page_size: int
    stored_a: int
    stored_b: int
    differing: Bitmap
    unknown: int = 0

    def count(self) -> int:
        """Number of pages that differ."""
        return self.differing.count()

    def runs(self) -> "Runs":
        """Runs of differing pages, as half-open ranges of offsets in the block."""
        return self.differing.runs() * self.page_size


@dataclass(frozen=True, slots=True)
class SectionDifference:
    """A section that only one of the files has."""

    section: Section
    side: Side


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One difference in a field of a device.

    Attributes:
        idstr: name of the section.
        instance_id: number among those of the same name.
        path: path of the field in the device, as `DeviceState.find` takes it. Paths in parentheses
            are not fields: `(version_id)`, `(payload)`.
        a: the value in the first file; None if the file lacks the field.
        b: in the second.
        side: which of them has it.
        note: what the values do not show.
    """

    idstr: str
    instance_id: int
    path: str
    a: Value
    b: Value
    side: Side = "both"
    note: str | None = None


@dataclass(frozen=True, slots=True)
class FieldUnknown:
    """One field of a device that cannot be compared, because a metadump left it out.

    Attributes:
        idstr: name of the section.
        instance_id: number among those of the same name.
        path: as in `FieldDifference`; for an array that was left out completely, that of the array.
        left_out: in which of the files.
    """

    idstr: str
    instance_id: int
    path: str
    left_out: Side


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences of two snapshots, and the parts that could not be compared.

    Each entry of `trouble` is a sentence with the name of the file and the part that was left out;
    `unknown` has the fields of devices that could not be compared.
    """

    headers: tuple[HeaderDifference, ...]
    blocks: tuple[BlockDifference, ...]
    pages: tuple[PageDifferences, ...]
    sections: tuple[SectionDifference, ...]
    fields: tuple[FieldDifference, ...]
    trouble: tuple[str, ...]
    unknown: tuple[FieldUnknown, ...] = ()

    def __repr__(self) -> str:
        pages = sum(block.count() for block in self.pages)
        verdict = {True: "same", False: "differs", None: "not all could be compared"}[self.same]
        return (
            f"<Comparison: {verdict}; {len(self.headers) + len(self.blocks)} in headers,"
            f" {plural(pages, 'page')}, {plural(len(self.sections), 'section')},"
            f" {plural(len(self.fields), 'field')}>"
        )

    @property
    def differs(self) -> bool:
        """Whether a difference was found."""
        return bool(
            self.headers
            or self.blocks
            or self.sections
            or self.fields
            or any(block.differing.any() for block in self.pages)
        )

    @property
    def same(self) -> bool | None:
        """Whether nothing differs; None if no difference was found, but not all was compared."""
        if self.differs:
            return False
        return None if self.trouble else True
