"""Repairs of the header of a save image of libvirt."""

from collections.abc import Iterator

from mappedram.check.repairs.change import Change
from mappedram.check.repairs.edits import Edit
from mappedram.check.repairs.session import RepairSession
from mappedram.check.save_image import Container
from mappedram.format.constants import SectionType
from mappedram.format.libvirt import QEMU_SAVE_MAGIC, SaveFormat
from mappedram.stream.libvirt.header import PATH


def magic(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-045: libvirt ended, but QEMU went on and finished the save."""
    container = case.container
    if container is None or container.image.complete or not _is_complete(case):
        return
    edit = _edit(container, "magic", QEMU_SAVE_MAGIC.encode())
    yield Change(
        f"{PATH}/magic",
        edit.offset,
        container.image.magic,
        QEMU_SAVE_MAGIC,
        note="if the guest has run since this save, its disks are newer than the image",
        edits=(edit,),
    )


def label(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-044: the header says sparse, but the stream has no mapped-ram."""
    container = case.container
    # Without a configuration section, nothing announces the capabilities of the stream.
    if container is None or not case.stream.configuration or case.stream.mapped_ram:
        return
    image = container.image
    if image.format == SaveFormat.SPARSE:
        edit = _edit(container, "format", SaveFormat.RAW.to_bytes(4, image.byteorder))
        yield Change(
            f"{PATH}/format",
            edit.offset,
            f"{SaveFormat.SPARSE:d} (sparse)",
            f"{SaveFormat.RAW:d} (raw)",
            edits=(edit,),
        )


def _edit(container: Container, field: str, data: bytes) -> Edit:
    offset = container.field(field).offset
    assert offset is not None
    return Edit(offset, data)


def _is_complete(case: RepairSession) -> bool:
    """Whether the stream is complete.

    A stream without mapped-ram may not have been followed: then a whole JSON text with EOF before
    it counts (clause 9.1.4).
    """
    if case.stream.mapped_ram or case.stream.complete:
        return case.stream.complete
    description = case.vmdescription
    if description is None or description.document is None:
        return False
    return case.source.read(description.offset - 6, 2) == bytes(
        [SectionType.EOF, SectionType.VMDESCRIPTION]
    )
