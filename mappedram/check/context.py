"""The input of rules: one snapshot, with cached values that several rules use."""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain

from mappedram.check.bitmap_audit import BitmapAudit, Tally, audit, first_stale
from mappedram.check.differences import first_difference
from mappedram.check.finding import Defect, Place
from mappedram.check.save_image import Container
from mappedram.check.walks import walks_difference
from mappedram.errors import FormatError, UnsupportedError
from mappedram.format import drivers
from mappedram.format.arithmetic import is_page_size
from mappedram.format.constants import RAM_SECTION_IDSTR, SectionType
from mappedram.format.drivers.base import Span
from mappedram.format.drivers.compared import ComparedDriver
from mappedram.format.typed import Kind, T
from mappedram.io.source import Source
from mappedram.stream.block import Block
from mappedram.stream.model import Element, MappedRamHeader, RamBlock, Section, Stream, of_kind
from mappedram.stream.reader import read_stream
from mappedram.stream.regions import Region, claimed
from mappedram.stream.snapshot import OpenSnapshot

#: Limit of bitmap bytes in memory, enough for 32 TiB in 4 KiB pages. A sparse file can claim far
#: more without using disk space.
BITMAPS_MAX = 1 << 30


class Context:
    """The snapshot to check."""

    def __init__(self, snapshot: OpenSnapshot, container: Container | None = None) -> None:
        self.snapshot = snapshot
        self.container = container
        self._audits: dict[str, BitmapAudit] = {}
        self._spans: dict[int, dict[str, Span]] = {}

    @property
    def stream(self) -> Stream:
        """The parsed headers."""
        return self.snapshot.stream

    @property
    def source(self) -> Source:
        """The open file."""
        return self.snapshot.source

    # Places.

    @cached_property
    def elements(self) -> dict[str, Element[object]]:
        """The structures by path; the first one if several share a path."""
        return {element.path: element for element in reversed(self.stream.elements)}

    def of_kind(self, kind: Kind[T]) -> Iterator[Element[T]]:
        """The structures of a kind, in the order of the file."""
        return of_kind(self._by_kind.get(kind, ()), kind)

    @cached_property
    def _by_kind(self) -> dict[str, list[Element[object]]]:
        """The structures of each kind, in the order of the file."""
        found: dict[str, list[Element[object]]] = {}
        for element in self.stream.elements:
            found.setdefault(element.kind, []).append(element)
        return found

    def field(self, element: Element[object], name: str) -> Place:
        """Place of a field in a structure; `name` is a path such as `mapped_ram/version`."""
        if element.offset not in self._spans:
            self._spans[element.offset] = {s.path: s for s in self.snapshot.fields(element)}
        span = self._spans[element.offset][name]
        offset, length = element.offset + span.start, span.end - span.start
        return Place(offset, length, f"{element.path}/{name}")

    def block_field(self, block: RamBlock, name: str) -> Place:
        """Place of a field in the header of a block."""
        return self.field(self.elements[block.path], name)

    def section_field(self, section: Section, name: str) -> Place:
        """Place of a field in the header of a section."""
        return self.field(self.elements[f"{section.path}/header"], name)

    # Sections.

    def sections(self, *types: SectionType) -> Iterator[Section]:
        """The sections of some types, in the order of the file."""
        return (section for section in self.stream.sections if section.type in types)

    @cached_property
    def ram_start(self) -> Section | None:
        """The first START of RAM."""
        starts = self.sections(SectionType.START)
        return next((section for section in starts if section.idstr == RAM_SECTION_IDSTR), None)

    @cached_property
    def has_devices_only(self) -> bool:
        """Whether the stream contains only devices, as `xen-save-devices-state` writes it."""
        types = {section.type for section in self.stream.sections}
        return self.stream.configuration is None and types == {SectionType.FULL, SectionType.EOF}

    @cached_property
    def undivided(self) -> FormatError | None:
        """Why the sections after RAM were not parsed, if the file does not show their ends.

        At this point all of RAM has been parsed: up to END of RAM, or in a save with
        `background-snapshot`, up to the last PART, which a FULL section follows.
        """
        *before, last = self.stream.sections or (None,)
        if last is None or not isinstance(self.stream.stopped, UnsupportedError):
            return None
        passed = {s.type for s in before if s and s.idstr == RAM_SECTION_IDSTR}
        in_background = last.type == SectionType.FULL and SectionType.PART in passed
        is_behind = last.idstr != RAM_SECTION_IDSTR and (SectionType.END in passed or in_background)
        return self.stream.stopped if is_behind else None

    # Blocks and their areas in the file.

    def headers(self) -> Iterator[tuple[RamBlock, MappedRamHeader]]:
        """The blocks with a mapped-ram header, and the header."""
        return ((block, block.mapped_ram) for block in self.stream.blocks if block.mapped_ram)

    @cached_property
    def located(self) -> tuple[Block, ...]:
        """The blocks with known offsets and sizes of bitmap and pages."""
        return tuple(block for block in self.snapshot.blocks if _is_located(block.model))

    @cached_property
    def claims(self) -> list[Region]:
        """Regions of the stream, and bitmaps and page areas of located blocks, by offset."""
        located = {block.model.path for block in self.located}
        return sorted(
            (
                claim
                for claim in claimed(self.stream)
                if claim.length > 0
                and claim.kind != "padding"
                and (not is_area(claim) or block_path(claim) in located)
            ),
            key=lambda claim: (claim.offset, claim.end),
        )

    @cached_property
    def overlaps(self) -> list[tuple[Region, Region]]:
        """Pairs of an earlier claim and one that begins inside it; at least one is an area."""
        found = []
        reaching: Region | None = None
        for claim in self.claims:
            if reaching and claim.offset < reaching.end:
                found.append((reaching, claim))
            if reaching is None or claim.end > reaching.end:
                reaching = claim
        return found

    @cached_property
    def judged(self) -> tuple[Block, ...]:
        """The blocks whose bitmap and pages are inside the file and overlap nothing.

        Thus no byte is read twice, however many blocks a hostile file has.
        """
        shared = {block_path(claim) for claim in chain.from_iterable(self.overlaps)}
        left_out = shared | self.oversized
        return tuple(
            block
            for block in self.located
            if self._is_inside(block.model) and block.model.path not in left_out
        )

    @cached_property
    def oversized(self) -> set[str]:
        """Paths of the blocks whose bitmaps are inside the file, but exceed `BITMAPS_MAX`."""
        total, left_out = 0, set()
        for block in self.located:
            if self._is_inside(block.model):
                total += block.model.bitmap_size
                if total > BITMAPS_MAX:
                    left_out.add(block.model.path)
        return left_out

    def _is_inside(self, block: RamBlock) -> bool:
        """Whether bitmap and pages are between the start of the stream and the end of the file."""
        begin, end = self.stream.offset, self.stream.file_size
        bitmap_offset, pages_offset = block.bitmap_offset, block.pages_offset
        assert bitmap_offset is not None
        assert pages_offset is not None
        return (
            begin <= bitmap_offset
            and bitmap_offset + block.bitmap_size <= end
            and begin <= pages_offset
            and pages_offset + block.used_length <= end
        )

    def audit(self, block: Block) -> BitmapAudit:
        """Comparison of the bitmap of a judged block with its page area."""
        path = block.model.path
        if path not in self._audits:
            self._audits[path] = audit(self.source, block.model, block.bitmap)
        return self._audits[path]

    def stale(self, block: Block) -> Tally:
        """The pages of a judged block with a clear bit and data; of a remote file, the first."""
        if self.source.is_remote:
            return first_stale(self.source, block.model, block.bitmap)
        return self.audit(block).stale

    @property
    def not_judged(self) -> tuple[str, ...]:
        """The rules about bytes that are rarely of interest, which are not read of a remote file.

        MR304 is judged by the first pages of each block.
        """
        if not self.source.is_remote:
            return ()
        return ("MR302", "MR303", *(["MR304"] if self.unwritten else []), "MR403")

    @cached_property
    def bitmaps_are_empty(self) -> bool:
        """Whether there are bitmaps, all of them empty."""
        return bool(self.judged) and len(self.unwritten) == len(self.judged)

    @cached_property
    def unwritten(self) -> tuple[Block, ...]:
        """The judged blocks whose bitmaps were probably never written.

        QEMU writes the bitmaps in the order of the blocks, after all pages and before the EOS of
        END of RAM. Without that EOS, the bitmaps after the last one with a set bit may be missing.
        A missing bitmap reads as empty, and so does the bitmap of a block of zeros. A disk image
        has only snapshots that are complete, and stale pages of earlier ones.
        """
        if self.source.recycled:
            return ()
        filled = [n for n, block in enumerate(self.judged) if self.audit(block).num_set]
        if filled and self.stream.ram_ended:
            return ()
        return self.judged[filled[-1] + 1 if filled else 0 :]

    # The other parser.

    @property
    def difference(self) -> Defect | None:
        """The first difference between the two drivers, or the two parsers, for this file."""
        if isinstance(self.snapshot.driver, ComparedDriver):
            found = first_difference(self.snapshot.driver, self.stream)
            return found or walks_difference(self.source, self.stream)
        driver = compared()  # the caller read the file with one driver only
        try:
            # From this source, which may have edits that its file has not.
            reading = read_stream(self.source, self.stream.offset, driver)
        except FormatError as refusal:
            return first_difference(driver, refusal)
        return first_difference(driver, reading) or walks_difference(self.source, reading)


def compared() -> ComparedDriver:
    """A driver that returns the values of `construct`, and records where `kaitai` differs."""
    return ComparedDriver(drivers.get("construct"), drivers.get("kaitai"))


def is_area(claim: Region) -> bool:
    """Whether a region is an area of a block: bitmap, pages or padding."""
    return claim.kind in ("bitmap", "pages", "padding")


def block_path(area: Region) -> str:
    """Path of the block that an area belongs to."""
    return area.path.rpartition("/")[0]


def _is_located(block: RamBlock) -> bool:
    return bool(
        block.bitmap_offset
        and block.pages_offset
        and block.page_size
        and is_page_size(block.page_size)
        and block.used_length % block.page_size == 0
    )
