"""Parsed contents of a file as frozen values, and arithmetic on offsets. No I/O, no policy.

All offsets are bytes from the beginning of the file, and all sizes and lengths are bytes, unless
the name says pages.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeGuard, TypeVar, cast

from mappedram.errors import FormatError, UnsupportedError
from mappedram.format import structures, views
from mappedram.format.arithmetic import (
    DEFAULT_WORD_SIZE,
    bitmap_size,
    is_page_size,
    round_up,
)
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
    MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
    OFFSET_BITS,
    RAM_SECTION_IDSTR,
    SectionType,
)
from mappedram.format.typed import Fields, Kind, Params, T
from mappedram.json_types import Json
from mappedram.printable import plural

#: Type of the values of a structure.
Held = TypeVar("Held", covariant=True)

#: Maximum size of a file: offsets are signed.
_FILE_SIZE_MAX = (1 << 63) - 1


def file_up_to(end: int) -> str:
    """Expected file size for an error message, if `end` is possible, else the possible maximum."""
    if end > _FILE_SIZE_MAX:
        return f"an end of at most {_FILE_SIZE_MAX:#x}"
    return f"a file of at least {end:#x} bytes"


@dataclass(frozen=True, slots=True)
class Element(Generic[Held]):
    """One structure of the spec at its place in the file, with its values by field name.

    `Element[object]` can be of any kind; `is_kind` narrows its type.
    """

    kind: Kind[Held]
    path: str
    offset: int
    length: int
    values: Held = field(hash=False)
    params: Params = field(default_factory=dict, hash=False)

    @property
    def fields(self) -> Fields:
        """The values, for code that treats all structures alike."""
        return cast("Fields", self.values)

    @property
    def end(self) -> int:
        """First byte after the structure."""
        return self.offset + self.length


def is_kind(element: Element[object], kind: Kind[T]) -> TypeGuard[Element[T]]:
    """Whether a structure is of that kind, and so has its fields."""
    return element.kind == kind


def of_kind(elements: Iterable[Element[object]], kind: Kind[T]) -> Iterator[Element[T]]:
    """The structures of one kind."""
    # Calling `is_kind` would double the time if there are thousands.
    found = (element for element in elements if element.kind == kind)
    return cast("Iterator[Element[T]]", found)


class Scattered(Protocol):
    """Interface of pages that are stored in records: see `page_records.RecordedPages`."""

    @property
    def page_size(self) -> int:
        """Size of a page in bytes."""


class Area(NamedTuple):
    """Bytes that a header points to: a bitmap, the padding after it, or pages.

    Attributes:
        path: path, such as `/ram/blocks[0]/bitmap`.
        offset: first byte.
        length: bytes, more than 0; the file may end before.
    """

    path: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class MappedRamHeader(views.MappedRamHeader):
    """Header with the place of a block's pages. Source: QEMU migration/ram.c, MappedRamHeader."""

    values: structures.MappedRamHeader = field(hash=False)


@dataclass(frozen=True, slots=True)
class RamBlock(views.RamBlockHeader):
    """One RAM block, as the record MEM_SIZE lists it. Source: QEMU migration/ram.c.

    Attributes:
        element: its header; the fields are also attributes of the block.
        word_size: bytes of an `unsigned long` on the host that wrote the bitmap.
        values: the fields of the header by name.
        mapped_ram: the mapped-ram header; None if the stream has none.
    """

    element: Element[structures.RamBlockHeader]
    word_size: int = DEFAULT_WORD_SIZE
    values: structures.RamBlockHeader = field(init=False, repr=False, compare=False)
    mapped_ram: MappedRamHeader | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = self.element.values
        held = values["mapped_ram"]
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "mapped_ram", None if held is None else MappedRamHeader(held))

    @property
    def path(self) -> str:
        """Path of the header, such as `/ram/blocks[0]`."""
        return self.element.path

    @property
    def offset(self) -> int:
        """First byte of the header."""
        return self.element.offset

    @property
    def header_length(self) -> int:
        """Bytes of the header."""
        return self.element.length

    @property
    def header_end(self) -> int:
        """First byte after the header; QEMU puts the bitmap there."""
        return self.offset + self.header_length

    @property
    def ignored(self) -> bool:
        """Whether two zero offsets in the header say that this file has no data of the block."""
        header = self.mapped_ram
        return header is not None and header.bitmap_offset == 0 and header.pages_offset == 0

    @property
    def has_data(self) -> bool:
        """Whether the file has a bitmap and pages of this block."""
        return self.mapped_ram is not None and not self.ignored

    @property
    def page_size(self) -> int | None:
        """Size of a target page from the mapped-ram header, in bytes; None if there is none.

        The field of that name in the block header is the page size of the host's memory.
        """
        return self.mapped_ram.page_size if self.mapped_ram else None

    @property
    def num_pages(self) -> int:
        """Number of target pages; 0 if the page size is unknown or 0."""
        return self.used_length // self.page_size if self.page_size else 0

    @property
    def bitmap_offset(self) -> int | None:
        """First byte of the bitmap; None if there is none."""
        return self.mapped_ram.bitmap_offset if self.mapped_ram and self.has_data else None

    @property
    def bitmap_size(self) -> int:
        """Bytes of the bitmap; 0 if there is none."""
        return bitmap_size(self.num_pages, self.word_size) if self.has_data else 0

    @property
    def pages_offset(self) -> int | None:
        """First byte of page 0; None if there are no pages."""
        return self.mapped_ram.pages_offset if self.mapped_ram and self.has_data else None

    @property
    def next_offset(self) -> int:
        """Where the stream continues: after the pages, or after the header if there are none."""
        return (
            self.header_end if self.pages_offset is None else self.pages_offset + self.used_length
        )

    @property
    def usual_pages_offset(self) -> int:
        """QEMU's pages_offset. Source: QEMU migration/ram.c, mapped_ram_setup_ramblock()."""
        return self.aligned_pages_offset(MAPPED_RAM_FILE_OFFSET_ALIGNMENT)

    def aligned_pages_offset(self, align: int) -> int:
        """pages_offset for the given alignment, otherwise computed as QEMU does."""
        return round_up(self.header_end + self.bitmap_size, align)


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the stream, from its type byte to its footer.

    `section_id`, `idstr`, `instance_id` and `version_id` are None if the type has none; PART and
    END have the `idstr` and `instance_id` of the START with the same `section_id`. `footer_id` is
    the `section_id` in the footer, None if there is no footer.
    """

    path: str
    type: SectionType
    offset: int
    header_length: int
    payload_length: int
    footer_id: int | None = None
    footer_length: int = 0
    section_id: int | None = None
    idstr: str | None = None
    instance_id: int | None = None
    version_id: int | None = None
    command: int | None = None
    data: bytes = b""

    @property
    def payload_offset(self) -> int:
        """First byte of the payload."""
        return self.offset + self.header_length

    @property
    def payload_end(self) -> int:
        """First byte after the payload."""
        return self.payload_offset + self.payload_length

    @property
    def end(self) -> int:
        """First byte after the section."""
        return self.payload_end + self.footer_length

    @property
    def length(self) -> int:
        """Bytes of the whole section."""
        return self.end - self.offset

    def __repr__(self) -> str:
        whose = "" if self.idstr is None else f" {self.idstr!r}, instance {self.instance_id}"
        return f"<Section {self.path}: {self.type.name}{whose}, {self.offset:#x}+{self.length:#x}>"


@dataclass(frozen=True, slots=True)
class VmDescription:
    """The JSON text at the end: its place, and its document if it could be parsed."""

    offset: int
    length: int
    document: Mapping[str, Json] | None
    problem: str | None = None

    @property
    def page_size(self) -> int | None:
        """Size of a target page from the text in bytes, if it is valid."""
        declared = self.document.get("page_size") if self.document else None
        return declared if isinstance(declared, int) and is_page_size(declared) else None


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration section. Source: QEMU migration/savevm.c, vmstate_configuration."""

    machine: str
    target_page_bits: int | None = None
    capabilities: tuple[str, ...] = ()
    uuid: bytes | None = None
    #: Whether the file has a UUID that a metadump left out.
    uuid_left_out: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """Everything read from one file without its pages.

    `stopped` is the reason why reading ended before the end of the stream, else None; everything
    before that place is present. `mapped_ram_guessed` is True if nothing in the file announces
    mapped-ram, and the first block revealed it.
    """

    file_size: int
    offset: int
    end: int
    configuration: Configuration | None
    mapped_ram: bool
    mapped_ram_guessed: bool
    totals: tuple[int, ...]
    blocks: tuple[RamBlock, ...]
    sections: tuple[Section, ...]
    elements: tuple[Element[object], ...]
    areas: tuple[Area, ...]
    vmdescription: VmDescription | None
    stopped: FormatError | None
    #: Without mapped-ram: the places of the pages of each block (`page_records`), by `idstr`.
    recorded: Mapping[str, Scattered] = field(default_factory=dict, compare=False)

    @property
    def machine(self) -> str | None:
        """Machine type, such as `pc-q35-10.0`."""
        return self.configuration.machine if self.configuration else None

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Capabilities that the configuration section announces, in its order."""
        return self.configuration.capabilities if self.configuration else ()

    @property
    def announces_mapped_ram(self) -> bool:
        """Whether the configuration section lists mapped-ram."""
        return CAPABILITY_MAPPED_RAM in self.capabilities

    @property
    def announces_x_ignore_shared(self) -> bool:
        """Whether the configuration section lists x-ignore-shared."""
        return CAPABILITY_X_IGNORE_SHARED in self.capabilities

    @property
    def told_page_size(self) -> int | None:
        """Size of a target page from the configuration, else the JSON; None if neither has it."""
        bits = self.configuration.target_page_bits if self.configuration else None
        if bits is not None:
            return 1 << bits if bits < OFFSET_BITS else None
        return self.vmdescription.page_size if self.vmdescription else None

    @property
    def page_size(self) -> int | None:
        """Size of a target page from the configuration, else the JSON, else the blocks."""
        told = self.told_page_size
        if told or (self.configuration and self.configuration.target_page_bits is not None):
            return told
        sizes = (block.page_size for block in self.blocks if block.page_size)
        found = (pages.page_size for pages in self.recorded.values())
        return next(sizes, next(found, None))

    @property
    def alignment(self) -> int | None:
        """Alignment of the pages of all blocks; None if they have no common power of two.

        QEMU uses 1 MiB, `mappedram convert --align` any given one.
        """
        with_data = [block for block in self.blocks if block.has_data]
        usual = MAPPED_RAM_FILE_OFFSET_ALIGNMENT
        powers = (1 << bits for bits in range(8, 31))
        return next(
            (
                align
                for align in (usual, *powers)
                if all(b.pages_offset == b.aligned_pages_offset(align) for b in with_data)
            ),
            None,
        )

    @property
    def ended(self) -> bool:
        """Whether the stream was followed to its QEMU_VM_EOF."""
        return any(section.type == SectionType.EOF for section in self.sections)

    @property
    def ram_ended(self) -> bool:
        """Whether RAM has its END section; no bitmap is valid before it.

        QEMU writes the header of END, then the bitmaps, and only then the EOS. Source:
        spec/format.md, clause 7.4.4.
        """
        ends = {
            f"{section.path}/eos"
            for section in self.sections
            if section.type == SectionType.END and section.idstr == RAM_SECTION_IDSTR
        }
        return bool(ends) and any(element.path in ends for element in reversed(self.elements))

    @property
    def ram_told(self) -> bool:
        """Whether the file has all of RAM that its save would write.

        A background snapshot without mapped-ram sends each page once and has no END of RAM; one
        with mapped-ram never writes its bitmaps. Source: QEMU migration/migration.c,
        bg_migration_thread().
        """
        return self.ram_ended or (self.ended and not self.mapped_ram)

    @property
    def damaged(self) -> FormatError | None:
        """Why the stream is not whole: it is cut off, or cannot be followed.

        None if it was followed to its end, or as far as this version can follow a legal file.
        """
        text = self.vmdescription
        if self.stopped is None and text and text.problem:
            return FormatError(f"JSON description: {text.problem}", offset=text.offset)
        return None if isinstance(self.stopped, UnsupportedError) else self.stopped

    @property
    def complete(self) -> bool:
        """Whether the save is complete: the stream has EOF, and with mapped-ram END of RAM.

        Without mapped-ram, a save with `background-snapshot` has all pages and no END of RAM.
        """
        return self.ended and (self.ram_ended or not self.mapped_ram)

    def __repr__(self) -> str:
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        return (
            f"<Stream {self.offset:#x}-{self.end:#x}: {plural(len(self.blocks), 'block')},"
            f" {plural(len(self.sections), 'section')}{stopped}>"
        )
