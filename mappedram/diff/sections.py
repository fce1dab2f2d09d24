"""Compare the stream besides RAM: devices by field, and sections that only one side has."""

from collections.abc import Hashable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from mappedram.diff.differences import FieldDifference, FieldUnknown, SectionDifference, Side
from mappedram.diff.nodes import NodeUnknown, compare_nodes, side_of
from mappedram.diff.pairs import paired
from mappedram.diff.payload import excerpt, first_difference, said
from mappedram.format.constants import RAM_SECTION_IDSTR, SectionType
from mappedram.stream.model import Section
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.vmstate import REST, DeviceState

#: One result of comparing devices.
FieldFinding = FieldDifference | FieldUnknown

#: Types of the sections that form a live device together.
_LIVE = (SectionType.START, SectionType.PART, SectionType.END)
#: Types whose number has no meaning.
_NOT_PAIRED = {SectionType.PART, SectionType.END, SectionType.EOF}


class SectionPair(NamedTuple):
    """A section in both files, or in one of them."""

    a: Section | None
    b: Section | None


def section_pairs(a: OpenSnapshot, b: OpenSnapshot) -> list[SectionPair]:
    """Match the sections of two files; a live device is matched by its START."""
    return [SectionPair(*pair) for pair in paired(_to_be_paired(a), _to_be_paired(b), _identity)]


def _to_be_paired(snapshot: OpenSnapshot) -> list[Section]:
    stopped = snapshot.stream.stopped
    # A section in which reading stopped is incomplete.
    last = stopped.path if stopped else ""
    return [
        section
        for section in snapshot.sections
        if section.type not in _NOT_PAIRED and not f"{last}/".startswith(f"{section.path}/")
    ]


def _identity(section: Section) -> Hashable:
    """What a loader identifies a section by."""
    return section.type, section.idstr, section.instance_id, section.command, section.data


def one_sided(pairs: list[SectionPair]) -> Iterator[SectionDifference]:
    """Sections that only one file has."""
    for a, b in pairs:
        if b is None and a is not None:
            yield SectionDifference(a, "a")
        elif a is None and b is not None:
            yield SectionDifference(b, "b")


def compare_devices(
    a: OpenSnapshot, b: OpenSnapshot, pairs: list[SectionPair]
) -> Iterator[FieldFinding]:
    """Differences in devices that both files have, and fields that a metadump left out."""
    devices = _Devices(a, b)
    for one, other in pairs:
        if one is not None and other is not None and one.section_id is not None:
            yield from devices.compare(one, other)


class _Devices:
    """Devices of both files, decoded if a payload differs or a metadump left out some of it."""

    def __init__(self, a: OpenSnapshot, b: OpenSnapshot) -> None:
        self.a = a
        self.b = b

    @cached_property
    def decoded(self) -> tuple[Mapping[int, DeviceState], Mapping[int, DeviceState]]:
        """The devices of both files, by the offset of their payload."""
        a, b = ({device.offset: device for device in one.state} for one in (self.a, self.b))
        return a, b

    def compare(self, a: Section, b: Section) -> Iterator[FieldFinding]:
        idstr, instance_id = a.idstr or "", a.instance_id or 0
        if a.version_id != b.version_id:
            yield FieldDifference(idstr, instance_id, "(version_id)", a.version_id, b.version_id)
        if a.type == SectionType.FULL:
            yield from self._full(a, b, idstr, instance_id)
        elif idstr != RAM_SECTION_IDSTR:
            yield from self._live(a, b, idstr, instance_id)

    def _full(self, a: Section, b: Section, idstr: str, instance_id: int) -> Iterator[FieldFinding]:
        start = first_difference(self.a.source, a, self.b.source, b)
        side = self._left_out([a], [b])
        if start is None and side is None:
            return
        trees = self.decoded[0][a.payload_offset].root, self.decoded[1][b.payload_offset].root
        # Without a description, a device has only bytes.
        described = all(set(tree.fields) != {REST} for tree in trees)
        found = list(compare_nodes(*trees)) if described else []
        for one in found:
            if isinstance(one, NodeUnknown):
                yield FieldUnknown(idstr, instance_id, one.path, one.side)
            else:
                yield FieldDifference(idstr, instance_id, *one)
        if found:
            return
        # No field shows a difference, so compare the bytes.
        if a.payload_length != b.payload_length:
            path, old, new = "(payload length)", a.payload_length, b.payload_length
            yield FieldDifference(idstr, instance_id, path, old, new)
        if side is not None:
            yield FieldUnknown(idstr, instance_id, "(payload)", side)
            return
        assert start is not None
        yield FieldDifference(
            idstr,
            instance_id,
            "(payload)",
            excerpt(self.a.source, a, start),
            excerpt(self.b.source, b, start),
            note=f"from byte {start:#x} on; not decoded",
        )

    def _live(self, a: Section, b: Section, idstr: str, instance_id: int) -> Iterator[FieldFinding]:
        sections = _of(self.a, a), _of(self.b, b)
        side = self._left_out(*sections)
        if side is not None:
            yield FieldUnknown(idstr, instance_id, "(payload)", side)
            return
        digests = said(self.a.source, sections[0]), said(self.b.source, sections[1])
        if digests[0] != digests[1]:
            old, new = (sum(section.payload_length for section in part) for part in sections)
            note = "all sections of a live device; not decoded"
            yield FieldDifference(idstr, instance_id, "(payload length)", old, new, note=note)

    def _left_out(self, a: list[Section], b: list[Section]) -> Side | None:
        """In which file a metadump left out some of the payloads; None if in neither."""
        return side_of(_is_left_out(self.a, a), _is_left_out(self.b, b))


def _is_left_out(snapshot: OpenSnapshot, sections: list[Section]) -> bool:
    return any(
        True
        for one in sections
        for _ in snapshot.source.left_out(
            one.payload_offset, one.payload_offset + one.payload_length
        )
    )


def _of(snapshot: OpenSnapshot, start: Section) -> list[Section]:
    """All sections of the live device that `start` begins."""
    return [
        section
        for section in snapshot.sections
        if section.type in _LIVE and section.section_id == start.section_id
    ]
