"""The stream around the RAM blocks: everything before MEM_SIZE, and everything after EOS."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from mappedram.errors import BuildError, UnsupportedError
from mappedram.format import file
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    RAM_SECTION_IDSTR,
    RAM_SECTION_VERSION,
    SectionType,
)
from mappedram.format.drivers.base import Driver
from mappedram.format.grammar import Said
from mappedram.format.structures import SECTION_PART, SectionPart
from mappedram.format.typed import Fields, Value
from mappedram.io.spans import without
from mappedram.stream.model import Section
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.writer.build import Built, build

#: QEMU's section_id of RAM in most machines; any will do.
_SECTION_ID = 1
#: Types of sections before the first PART: spec/format.md, clauses 4.8.1 and 4.8.2.
_SETUP = (SectionType.START, SectionType.FULL)
_UUID_SIZE = 16
_TARGET_PAGE_BITS = "configuration/target-page-bits"
_CAPABILITIES = "configuration/capabilities"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The bytes of a stream outside its RAM blocks. They contain no offsets.

    Attributes:
        head: from the stream header to the header of the section START of RAM.
        middle: from the EOS of that section up to the END section of RAM; the bitmaps have to be in
            the file before END.
        tail: from the END section of RAM to the end of the stream.
        capabilities: capabilities that the configuration section announces.
        setup_size: bytes of `middle` before the first PART section.
    """

    head: bytes
    middle: bytes
    tail: bytes
    capabilities: tuple[str, ...]
    setup_size: int = 0

    @classmethod
    def plain(  # noqa: PLR0913 - a keyword for each part of the stream
        cls,
        driver: Driver,
        *,
        machine: str,
        page_size: int,
        capabilities: Sequence[str] = (CAPABILITY_MAPPED_RAM,),
        target_page_bits: int | None = None,
        uuid: bytes | None = None,
        footers: bool = True,
        devices: bytes = b"",
        vmdescription: bytes | None = None,
    ) -> Self:
        """Make an envelope without a donor.

        Args:
            driver: builds the structures.
            machine: machine type, such as `pc-q35-10.0`.
            page_size: size of a target page in bytes, for the JSON text.
            capabilities: capabilities that the configuration section announces.
            target_page_bits: for targets with a variable page size.
            uuid: sixteen bytes, for the capability validate-uuid.
            footers: whether sections have footers.
            devices: the sections of the devices, as bytes.
            vmdescription: the JSON text; one without devices if None; omitted if empty.

        Raises:
            BuildError: a value does not fit its field.
        """
        text = vmdescription
        if text is None:
            text = json.dumps({"page_size": page_size, "devices": []}).encode()
        begin, part, end = ram_sections(footers=footers)
        return cls.built(
            driver,
            {
                "header": {},
                "configuration": {
                    "header": {"name": machine},
                    "subsections": subsections(capabilities, target_page_bits, uuid),
                },
                "sections": [begin, part, end, devices, {"header": END_OF_STREAM}],
                "description": [{"text": text}] if text else [],
            },
            capabilities,
        )

    @classmethod
    def built(cls, driver: Driver, values: Fields, capabilities: Sequence[str]) -> Self:
        """Build the envelope around RAM.

        Args:
            driver: builds the structures.
            values: values of `mappedram.format.file.Stream`, with an empty list of blocks.
            capabilities: capabilities that the configuration section announces, or would.

        Raises:
            BuildError: a value is missing, or does not fit its field.
        """
        built = Built(driver, said=Said(mapped_ram=True))
        built.add(file.Stream, values)
        blocks = next(e for e in built.elements if e.kind == "mem_size")
        middle = next(e for e in built.elements if e.kind == "end_of_section").offset
        behind = [e for e in built.elements if e.offset > middle]
        setup_end = next(e for e in behind if e.kind in ("section_part", "command")).offset
        end = next(e for e in behind if e.fields.get("section_type") == SectionType.END).offset
        return cls(
            built.data[: blocks.offset],
            built.data[middle:end],
            built.data[end:],
            tuple(capabilities),
            setup_end - middle,
        )

    @classmethod
    def of(
        cls, snapshot: OpenSnapshot, *, mapped_ram: bool = True, dropped: Collection[str] = ()
    ) -> Self:
        """Take the envelope of a snapshot, to put other RAM into it.

        Args:
            snapshot: the donor.
            mapped_ram: whether the new stream has mapped-ram. If the donor differs, the capability
                is added or removed (spec/format.md, clause 3.4.1), and the PART sections of RAM are
                left out.
            dropped: capabilities that the new stream does not announce.

        Raises:
            BuildError: the snapshot has no complete RAM part to be replaced.
        """
        begun = cls.beginning(snapshot, mapped_ram=mapped_ram, dropped=dropped)
        read = _Reader(snapshot)
        ram = _ram_part(snapshot, read)
        if mapped_ram and snapshot.stream.mapped_ram:
            return replace(
                begun,
                middle=read(ram.eos, ram.end.offset),
                tail=read(ram.end.offset, ram.end.end)
                + _recast_tail(snapshot, read, begun.capabilities, ram.end.end, ram.stop)
                if dropped
                else read(ram.end.offset, ram.stop),
                setup_size=ram.setup_end - ram.eos,
            )
        between = (
            section
            for section in snapshot.stream.sections
            if ram.setup_end <= section.offset < ram.end.offset and section.idstr != "ram"
        )
        after = read(ram.eos, ram.start.end)  # EOS, and a footer if there is one
        setup = read(ram.eos, ram.setup_end)
        # Without mapped-ram, the pages are in a PART of their own; with it, QEMU writes at least an
        # empty one.
        part = _header(snapshot, SectionType.PART, ram.start) + after if mapped_ram else b""
        return replace(
            begun,
            middle=setup + part + b"".join(read(one.offset, one.end) for one in between),
            tail=ram.end.header
            + after
            + _recast_tail(snapshot, read, begun.capabilities, ram.end.end, ram.stop),
            setup_size=len(setup),
        )

    @classmethod
    def beginning(
        cls, snapshot: OpenSnapshot, *, mapped_ram: bool = True, dropped: Collection[str] = ()
    ) -> Self:
        """Like `of`, but only the part before the RAM blocks; the rest is empty.

        Raises:
            BuildError: the snapshot has no RAM part, or more than one.
        """
        stream = snapshot.stream
        opening = [e for e in stream.elements if e.kind == "mem_size"]
        if len(opening) != 1:
            raise _no_ram(snapshot)
        read, end = _Reader(snapshot), opening[0].offset
        head = read(stream.offset, end)
        if mapped_ram and stream.mapped_ram and not dropped:
            return cls(head, b"", b"", stream.capabilities)
        kept = [one for one in stream.capabilities if one not in dropped]
        capabilities = _with(kept, CAPABILITY_MAPPED_RAM, mapped_ram)
        return cls(_recast_head(snapshot, read, capabilities, end), b"", b"", capabilities)


class _EndOfRam(NamedTuple):
    """Place of the END of RAM, existing or missing, and its header."""

    offset: int
    end: int
    header: bytes


class _RamPart(NamedTuple):
    """Where the parts of a stream stand that have to do with RAM.

    Attributes:
        start: the section START.
        eos: where its EOS begins.
        setup_end: first byte behind the sections before the first PART.
        end: the section END.
        stop: first byte behind the stream.
    """

    start: Section
    eos: int
    setup_end: int
    end: _EndOfRam
    stop: int


def _ram_part(snapshot: OpenSnapshot, read: "_Reader") -> _RamPart:
    stream = snapshot.stream
    ram = [section for section in stream.sections if section.idstr == "ram"]
    start = next((s for s in ram if s.type == SectionType.START), None)
    end = _end_of_ram(snapshot, read, ram)
    closing = next((e for e in stream.elements if e.kind == "end_of_section"), None)
    if closing is None or start is None or end is None:
        raise _no_ram(snapshot)
    setup_end = next(
        section.offset
        for section in stream.sections
        if section.offset >= start.end and section.type not in _SETUP
    )
    # If the sections cannot be followed to their end, the rest of the file belongs to them.
    stop = stream.file_size if stream.stopped else stream.end
    return _RamPart(start, closing.offset, setup_end, end, stop)


def _header(snapshot: OpenSnapshot, kind: SectionType, whose: Section) -> bytes:
    """The header of a section PART or END that belongs to another one."""
    assert whose.section_id is not None
    values: SectionPart = {"section_type": kind, "section_id": whose.section_id}
    return snapshot.driver.build(SECTION_PART, values, {})


def _end_of_ram(snapshot: OpenSnapshot, read: "_Reader", ram: list[Section]) -> _EndOfRam | None:
    end = next((section for section in ram if section.type == SectionType.END), None)
    if end:
        header = read(end.offset, end.offset + end.header_length)
        return _EndOfRam(end.offset, end.end, header)
    if not snapshot.complete or not ram:
        return None
    # A save with `background-snapshot` and without mapped-ram has no END (clause 9.6.12).
    header = _header(snapshot, SectionType.END, ram[-1])
    return _EndOfRam(ram[-1].end, ram[-1].end, header)


def _no_ram(snapshot: OpenSnapshot) -> BuildError:
    reason = f": {snapshot.stream.stopped}" if snapshot.stream.stopped else ""
    return BuildError(f"no complete RAM section to replace{reason}")


class _Reader:
    """Reads pieces of a snapshot by their bounds.

    Raises:
        UnsupportedError: a metadump left out some of it; the new file would have zeros there.
    """

    def __init__(self, snapshot: OpenSnapshot) -> None:
        self._snapshot = snapshot

    def __call__(self, start: int, end: int) -> bytes:
        left_out = self._snapshot.source.left_out(start, end)
        for at, _ in without(left_out, self._snapshot.changes.spans()):
            raise UnsupportedError(
                "a metadump lacks device state or names, so no snapshot can be built from it",
                offset=at,
            )
        data = self._snapshot.source.read_exactly(start, end - start, "stream")
        return self._snapshot.changes.over(data, start)


def _with(capabilities: Sequence[str], name: str, wanted: bool) -> tuple[str, ...]:
    """The capabilities with or without one; a new one goes last, as in QEMU's order."""
    others = tuple(capability for capability in capabilities if capability != name)
    return (*others, name) if wanted else others


def _recast_head(
    snapshot: OpenSnapshot, read: _Reader, capabilities: tuple[str, ...], end: int
) -> bytes:
    """Everything before MEM_SIZE, with other capabilities announced."""
    stream = snapshot.stream
    kinds = {"configuration_header", "configuration_subsection"}
    configuration = [e for e in stream.elements if e.kind in kinds]
    if not configuration or stream.configuration is None:
        return read(stream.offset, end)
    others = subsections(
        capabilities, stream.configuration.target_page_bits, stream.configuration.uuid
    )
    return b"".join(
        (
            read(stream.offset, configuration[0].end),
            *(build(snapshot.driver, file.Subsection, values) for values in others),
            read(configuration[-1].end, end),
        )
    )


def _recast_tail(
    snapshot: OpenSnapshot, read: _Reader, capabilities: tuple[str, ...], start: int, end: int
) -> bytes:
    """Everything after the section END of RAM, with other capabilities in the JSON text."""
    description = snapshot.stream.vmdescription
    header = next((e for e in snapshot.stream.elements if e.kind == "vmdescription"), None)
    if description is None or description.document is None or header is None:
        return read(start, end)
    text = _recast_description(read(description.offset, end), capabilities)
    return read(start, header.offset) + build(snapshot.driver, file.VmDescription, {"text": text})


def _recast_description(text: bytes, capabilities: tuple[str, ...]) -> bytes:
    """Replace the subsection with the capabilities in the JSON text; all other bytes stay.

    QEMU repeats keys within an object; parsing and writing the whole text would lose them.
    """
    label = b'"configuration": '
    start = text.find(label) + len(label)
    if start < len(label):
        return text
    configuration, length = json.JSONDecoder().raw_decode(text[start:].decode("ascii"))
    others = [
        entry
        for entry in configuration.pop("subsections", ())
        if entry.get("vmsd_name") != _CAPABILITIES
    ]
    # The page bits come before the capabilities, the UUID after them.
    place = sum(entry.get("vmsd_name") == _TARGET_PAGE_BITS for entry in others)
    listed = [_described_capabilities(capabilities)] if capabilities else []
    subsections = [*others[:place], *listed, *others[place:]]
    if subsections:
        configuration["subsections"] = subsections
    return text[:start] + json.dumps(configuration).encode() + text[start + length :]


def _described_capabilities(capabilities: tuple[str, ...]) -> dict[str, Any]:
    """QEMU's description of the list: one entry, with only the size of the first element."""
    entry: dict[str, Any] = {"name": "capabilities"}
    if len(capabilities) > 1:
        entry["array_len"] = len(capabilities)
    entry |= {"type": "capability", "size": 1 + len(capabilities[0])}
    count = {"name": "caps_count", "type": "uint32", "size": 4}
    return {"vmsd_name": _CAPABILITIES, "version": 1, "fields": [count, entry]}


#: The section that ends a stream, as values for `mappedram.format.file`.
END_OF_STREAM: Fields = {"section_type": SectionType.EOF}


def ram_sections(*, footers: bool) -> list[Fields]:
    """Values of START with an empty list of blocks, PART and END of RAM."""
    number: dict[str, Value] = {"section_id": _SECTION_ID}
    whose: Fields = {
        "idstr": RAM_SECTION_IDSTR,
        "instance_id": 0,
        "version_id": RAM_SECTION_VERSION,
    }
    headers = {
        SectionType.START: {**number, **whose},
        SectionType.PART: number,
        SectionType.END: number,
    }
    return [
        {
            "header": {"section_type": kind, **header},
            "payload": {"records": [{"blocks": []}] if kind == SectionType.START else []},
            "footer": {} if footers else None,
        }
        for kind, header in headers.items()
    ]


def subsections(
    capabilities: Sequence[str], target_page_bits: int | None, uuid: bytes | None
) -> list[Fields]:
    """The subsections of the configuration, in the order of clause 3.2.1."""
    if uuid is not None and len(uuid) != _UUID_SIZE:
        raise BuildError(f"uuid: expected {_UUID_SIZE} bytes, got {len(uuid)}")
    listed = [{"name": name} for name in capabilities]
    bodies: dict[str, Fields | None] = {
        _TARGET_PAGE_BITS: (
            {"target_page_bits": target_page_bits} if target_page_bits is not None else None
        ),
        _CAPABILITIES: {"capabilities": listed} if listed else None,
        "configuration/uuid": {"uuid": uuid} if uuid is not None else None,
    }
    return [
        {"subsection": {"idstr": idstr, "body": body}}
        for idstr, body in bodies.items()
        if body is not None
    ]
