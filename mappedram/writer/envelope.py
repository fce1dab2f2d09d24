"""What stands around the RAM blocks in a stream: all before MEM_SIZE, and all after EOS."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from mappedram.drivers.base import Driver
from mappedram.errors import BuildError
from mappedram.layout.constants import (
    CAPABILITY_MAPPED_RAM,
    QEMU_VM_FILE_MAGIC,
    QEMU_VM_FILE_VERSION,
    RAM_SAVE_FLAG_EOS,
    RAM_SECTION_IDSTR,
    RAM_SECTION_VERSION,
    SectionType,
)
from mappedram.snapshot import Snapshot

#: The number that QEMU gives to RAM in most machines; any will do.
_SECTION_ID = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """The bytes of a stream that are not its RAM blocks. None of them holds an offset.

    Attributes:
        head: from the stream header to the header of the section START of RAM.
        middle: from the EOS of that section up to the END section of RAM, before which the
            bitmaps have to be in the file.
        tail: from the END section of RAM to the end of the stream.
        capabilities: what the configuration section announces.
    """

    head: bytes
    middle: bytes
    tail: bytes
    capabilities: tuple[str, ...]

    @classmethod
    def plain(
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
        """An envelope without a donor.

        Args:
            driver: what builds the structures.
            machine: machine type, such as `pc-q35-10.0`.
            page_size: size of a target page in bytes, for the JSON text.
            capabilities: what the configuration section announces.
            target_page_bits: for targets whose page size is not fixed.
            uuid: sixteen bytes, for the capability validate-uuid.
            footers: whether sections have footers.
            devices: the sections of the devices, ready to be written.
            vmdescription: the JSON text; one without devices if None; left out if empty.

        Raises:
            BuildError: a value does not fit its field.
        """
        subsections = _subsections(driver, capabilities, target_page_bits, uuid)
        head = b"".join(
            (
                driver.build(
                    "stream_header",
                    {"magic": QEMU_VM_FILE_MAGIC, "version": QEMU_VM_FILE_VERSION},
                    {},
                ),
                driver.build(
                    "configuration_header",
                    {
                        "section_type": SectionType.CONFIGURATION,
                        "len_name": len(machine),
                        "name": machine,
                    },
                    {},
                ),
                *subsections,
                driver.build(
                    "section_start",
                    {
                        "section_type": SectionType.START,
                        "section_id": _SECTION_ID,
                        "len_idstr": len(RAM_SECTION_IDSTR),
                        "idstr": RAM_SECTION_IDSTR,
                        "instance_id": 0,
                        "version_id": RAM_SECTION_VERSION,
                    },
                    {},
                ),
            )
        )
        end = driver.build("end_of_section", {"flags": RAM_SAVE_FLAG_EOS}, {})
        if footers:
            end += driver.build(
                "section_footer",
                {"section_type": SectionType.FOOTER, "section_id": _SECTION_ID},
                {},
            )
        part, last = (
            driver.build("section_part", {"section_type": kind, "section_id": _SECTION_ID}, {})
            for kind in (SectionType.PART, SectionType.END)
        )
        text = vmdescription
        if text is None:
            text = json.dumps({"page_size": page_size, "devices": []}).encode()
        tail = last + end + devices + _end_of_stream(driver, text)
        return cls(head, end + part + end, tail, tuple(capabilities))

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """The envelope of a snapshot, to put other RAM into it.

        Raises:
            BuildError: the snapshot has no complete RAM part to be replaced.
        """
        stream = snapshot.stream
        opening = [e for e in stream.elements if e.kind == "mem_size"]
        closing = [e for e in stream.elements if e.kind == "end_of_section"]
        end = next(
            (s for s in stream.sections if s.type == SectionType.END and s.idstr == "ram"), None
        )
        if len(opening) != 1 or not closing or end is None or not stream.mapped_ram:
            raise BuildError(
                f"{snapshot.source.name}: no complete RAM part with mapped-ram to be replaced"
            )
        read = snapshot.source.read_exactly
        what = "stream"
        return cls(
            read(stream.offset, opening[0].offset - stream.offset, what),
            read(closing[0].offset, end.offset - closing[0].offset, what),
            # Where the sections cannot be followed to their end, all that is left belongs to them.
            read(
                end.offset, (stream.file_size if stream.stopped else stream.end) - end.offset, what
            ),
            stream.capabilities,
        )


def _subsections(
    driver: Driver,
    capabilities: Sequence[str],
    target_page_bits: int | None,
    uuid: bytes | None,
) -> list[bytes]:
    """The subsections of the configuration, in the order of clause 3.2.1."""
    if uuid is not None and len(uuid) != 16:
        raise BuildError(f"uuid: expected 16 bytes, got {len(uuid)}")
    listed = [{"len_name": len(name), "name": name} for name in capabilities]
    bodies: dict[str, dict[str, object] | None] = {
        "configuration/target-page-bits": (
            {"target_page_bits": target_page_bits} if target_page_bits is not None else None
        ),
        "configuration/capabilities": (
            {"caps_count": len(listed), "capabilities": listed} if listed else None
        ),
        "configuration/uuid": {"uuid": uuid} if uuid is not None else None,
    }
    return [
        driver.build(
            "configuration_subsection",
            {
                "section_type": SectionType.SUBSECTION,
                "len_idstr": len(idstr),
                "idstr": idstr,
                "version_id": 1,
                "body": body,
            },
            {},
        )
        for idstr, body in bodies.items()
        if body is not None
    ]


def _end_of_stream(driver: Driver, text: bytes) -> bytes:
    """QEMU_VM_EOF, and the JSON text if there is one."""
    end = driver.build("end_of_stream", {"section_type": SectionType.EOF}, {})
    if not text:
        return end
    header = {"section_type": SectionType.VMDESCRIPTION, "vmdesc_len": len(text)}
    return end + driver.build("vmdescription", header, {}) + text
