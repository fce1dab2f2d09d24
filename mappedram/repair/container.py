"""Repairs of the container around a stream: what libvirt writes before it."""

from collections.abc import Iterator

from mappedram.layout.constants import SectionType
from mappedram.repair.case import Case
from mappedram.repair.change import Change
from mappedram.repair.libvirt import (
    FORMAT_RAW,
    FORMAT_SPARSE,
    MAGIC_COMPLETE,
    MAGIC_PARTIAL,
    completed_magic,
    relabelled,
)


def magic(case: Case) -> Iterator[Change]:
    """spec/errata.md, E-045: libvirt ended while QEMU went on and finished."""
    header = case.libvirt
    if header is None or header.stream_offset != case.offset:
        return
    edit = completed_magic(header, complete=_is_complete(case))
    if edit:
        yield Change(
            "/libvirt/magic",
            edit.offset,
            MAGIC_PARTIAL.decode(),
            MAGIC_COMPLETE.decode(),
            note="the guest may have run on after this save: its disks may be newer than the image",
            edits=(edit,),
        )


def label(case: Case) -> Iterator[Change]:
    """spec/errata.md, E-044: a memory snapshot that says sparse and holds a plain stream."""
    header = case.libvirt
    # Without a configuration section nothing announces what the stream has or has not.
    if header is None or header.stream_offset != case.offset or not case.stream.configuration:
        return
    edit = relabelled(header, mapped_ram=case.stream.mapped_ram)
    if edit:
        yield Change(
            "/libvirt/format",
            edit.offset,
            f"{FORMAT_SPARSE} (sparse)",
            f"{FORMAT_RAW} (raw)",
            edits=(edit,),
        )


def _is_complete(case: Case) -> bool:
    """Whether the stream came to its end.

    Of one without mapped-ram, which may not have been followed, a whole JSON text with EOF before
    it tells (clause 9.1.4).
    """
    if case.stream.mapped_ram or case.stream.complete:
        return case.stream.complete
    description = case.vmdescription
    if description is None or description.document is None:
        return False
    return case.source.read(description.offset - 6, 2) == bytes(
        [SectionType.EOF, SectionType.VMDESCRIPTION]
    )
