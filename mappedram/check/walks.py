"""Compare the structures that the Construct and the Kaitai Struct parser find in a file.

The two parsers share only the access to bytes. Known limits of the `.ksy` files
(`docs/languages.md`) do not count as differences if the file shows the reason.
"""

from collections.abc import Sequence
from itertools import pairwise

from mappedram.check.finding import Defect, Place
from mappedram.errors import FormatError, TruncatedError
from mappedram.format import drivers
from mappedram.format.constants import RAM_SECTION_IDSTR, SectionType
from mappedram.io.source import Source
from mappedram.stream.model import Area, Element, Section, Stream
from mappedram.stream.reader.footer import find_footer

#: Limit of structures to compare. A hostile file can have millions; a real one has fewer than 200,
#: mostly identical PARTs, which count once.
WALKED_MAX = 5_000
#: Longest value that a message shows.
_SHOWN_MAX = 60
#: Structures of live devices, which only the Construct parser parses.
_LIVE = {
    "dirty_bitmap_chunk",
    "htab_chunk",
    "htab_header",
    "storage_attributes",
    "vfio_record",
}


def walks_difference(source: Source, stream: Stream) -> Defect | None:
    """The first difference between the Kaitai and the Construct parser in a stream.

    Args:
        source: the file.
        stream: the result of the Construct parser.
    """
    # Loads the runtime of Kaitai.
    from mappedram.stream.reader.kaitai_walk import outline

    other, is_whole = outline(source, stream, drivers.get("kaitai"), WALKED_MAX)
    mine = [element for element in stream.elements if element.kind not in _LIVE]
    comparison = _Comparison(source, stream, mine, other)
    return comparison.of_what_both_have() or (comparison.of_endings() if is_whole else None)


class _Comparison:
    """The results of both parsers for one stream."""

    def __init__(
        self, source: Source, stream: Stream, mine: Sequence[Element[object]], other: Stream
    ) -> None:
        self.source = source
        self.stream = stream
        self.mine = mine
        self.other = other
        self.sections = {section.payload_offset: section for section in stream.sections}

        #: Whether to stop comparing: the `.ksy` documents a difference from here on.
        self.is_announced = False

    def of_what_both_have(self) -> Defect | None:
        """The first structure or area that differs."""
        end = self.last_followed()
        for number, (one, twin) in enumerate(zip(self.mine, self.other.elements, strict=False)):
            self.is_announced = one.offset > end or (
                one != twin and (self.is_guess(number, twin) or self.is_advised(one, twin))
            )
            if self.is_announced:
                return None
            if one != twin:
                return _differing(one, twin)
        for area, copy in zip(self.stream.areas, self.other.areas, strict=False):
            if area != copy:
                return _of_areas(area, copy)
        return None

    def last_followed(self) -> int:
        """Offset of the last section for which the `.ksy` can identify PART and END of RAM.

        It keeps one section_id: a second START of RAM with another one replaces the first.
        """
        starts = [
            section
            for section in self.stream.sections
            if section.type == SectionType.START and _is_ram(section)
        ]
        return next(
            (two.offset for one, two in pairwise(starts) if one.section_id != two.section_id),
            self.source.size,
        )

    def is_guess(self, number: int, twin: Element[object]) -> bool:
        """Whether the Kaitai parser took the first footer, and Construct had better data."""
        section = self.sections.get(self.mine[number - 1].end) if number else None
        if section is None or section.section_id is None or _is_ram(section):
            return False
        found = find_footer(self.source, section.payload_offset, section.section_id)
        return twin.offset == found != self.mine[number].offset

    def is_advised(self, one: Element[object], twin: Element[object]) -> bool:
        """Whether a block has a host page size, which the `.ksy` supports only with mapped-ram."""
        has, others = (element.params.get("has_page_size") for element in (one, twin))
        return not self.stream.mapped_ram and bool(has) and not others

    def of_endings(self) -> Defect | None:
        """The difference if one parser continues after the other, or stops for another reason."""
        mine, others = len(self.mine), len(self.other.elements)
        stopped, other = self.stream.stopped, self.other.stopped
        if self.is_announced or (other and self.may_stop(other)):
            return None
        if mine == others and _place_of(stopped) == _place_of(other):
            return self.of_announcements()
        offset = min(self.stream.end, self.other.end)
        if _both_cut_in_a_block(stopped, other):
            return None
        longer = self.mine[others:] or self.other.elements[mine:]
        path = longer[0].path if longer else (stopped or other or _NOTHING).path
        return _defect(
            f"{offset:#x}",
            _ending(self.mine[others : others + 1], stopped),
            _ending(self.other.elements[mine : mine + 1], other),
            Place(offset, longer[0].length if longer else None, path),
        )

    def of_announcements(self) -> Defect | None:
        """Compare whether the blocks have mapped-ram headers."""
        views = [
            f"mapped-ram{' (guessed)' if one.mapped_ram_guessed else ''}" if one.mapped_ram else ""
            for one in (self.stream, self.other)
        ]
        place = Place(self.stream.offset, None, "/configuration")
        mine, other = views
        return None if mine == other else _defect("capabilities", mine, other, place)

    def may_stop(self, error: FormatError) -> bool:
        """Whether the `.ksy` is documented to stop there, and the file shows the reason."""
        section = self.sections.get(error.offset or 0)
        if error.path.endswith("/payload"):
            return section is not None and self.ends_unseen(section)
        if self.stream.mapped_ram or isinstance(error, TruncatedError):
            return False
        # The next bytes are a page, which is no structure.
        number = len(self.other.elements)
        behind = [element.offset for element in self.mine[number : number + 1]]
        return error.offset == self.mine[number - 1].end and behind != [error.offset]

    def ends_unseen(self, section: Section) -> bool:
        """Whether no footer shows where the payload of a section ends."""
        assert section.section_id is not None
        first = next(one for one in self.stream.sections if one.section_id is not None)
        has_none = first.footer_id is None
        start = section.payload_offset
        return (
            has_none
            or self.source.is_device
            or find_footer(self.source, start, section.section_id) is None
        )


_NOTHING = FormatError("")


def _is_ram(section: Section) -> bool:
    return section.idstr == RAM_SECTION_IDSTR and section.type != SectionType.FULL


def _place_of(error: FormatError | None) -> object:
    """The part of the reason to stop that is compared."""
    return error and (isinstance(error, TruncatedError), error.offset)


def _both_cut_in_a_block(one: FormatError | None, other: FormatError | None) -> bool:
    """Whether the file ends in the header of a block, before the bytes that show its fields."""
    return all(
        isinstance(error, TruncatedError) and error.path.startswith("/ram/blocks")
        for error in (one, other)
    )


def _ending(element: Sequence[Element[object]], stopped: FormatError | None) -> str:
    if element:
        return _shown(element[0])
    return f"{stopped.msg} (at {stopped.offset or 0:#x})" if stopped else "the end"


def _differing(one: Element[object], twin: Element[object]) -> Defect:
    """The difference between two structures, one from each parser."""
    place = Place(one.offset, one.length, one.path)
    if (one.kind, one.path, one.offset, one.length) == (
        twin.kind,
        twin.path,
        twin.offset,
        twin.length,
    ):
        for name, value in one.fields.items():
            if value != twin.fields.get(name):
                return _defect(name, str(value), str(twin.fields.get(name)), place)
    start, end = min(one.offset, twin.offset), max(one.end, twin.end)
    what = f"{start:#x} to {end:#x}"
    return _defect(what, _shown(one), _shown(twin), Place(start, end - start, one.path))


def _of_areas(one: Area, twin: Area) -> Defect:
    start = min(one.offset, twin.offset)
    end = max(one.offset + one.length, twin.offset + twin.length)
    mine, other = (
        f"{area.path} at {area.offset:#x} to {area.offset + area.length:#x}" for area in (one, twin)
    )
    return _defect(f"{start:#x} to {end:#x}", mine, other, Place(start, end - start, one.path))


def _shown(element: Element[object]) -> str:
    return f"{element.kind} {element.path} at {element.offset:#x} to {element.end:#x}"


def _defect(what: str, mine: str, other: str, place: Place) -> Defect:
    message = (
        f"the two parsers disagree on {what}: Construct has {mine[:_SHOWN_MAX]!r},"
        f" Kaitai {other[:_SHOWN_MAX]!r}"
    )
    return Defect(message, place, expected=mine, actual=other)
