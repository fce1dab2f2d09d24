"""MR0: the bytes after the last section."""

from collections.abc import Iterator

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.format.constants import SectionType
from mappedram.format.structures import VMDESCRIPTION
from mappedram.stream.model import VmDescription, is_kind

#: Keys of the JSON text in every release, and the types of their values.
KEYS: dict[str, type] = {"page_size": int, "devices": list}


@rule(
    "MR041",
    "vmdescription-missing",
    Severity.INFO,
    defect="The JSON description of the devices is missing.",
    clause="4.7.5",
    qemu="migration/savevm.c: should_send_vmdesc()",
)
def vmdescription_missing(context: Context) -> Iterator[Defect]:
    """The JSON description of the devices follows the sections.

    Why:
        QEMU loads the file without it, and omits it for a machine with `suppress-vmdesc=on`.
        Without it, the fields of a device cannot be decoded.

    Remedy:
        None needed: QEMU loads the file. To get a description next time, save on a machine without
        `suppress-vmdesc=on`.
    """
    stream = context.stream
    described = any(context.sections(SectionType.VMDESCRIPTION))
    if stream.ended and not stream.stopped and not described:
        yield Defect(
            f"the stream ends at {stream.end:#x} without a JSON description",
            Place(stream.end, 0, "/vmdescription"),
            expected="0x06",
        )


@rule(
    "MR042",
    "vmdescription-invalid",
    Severity.WARNING,
    defect="The JSON description is incomplete or not in QEMU's form.",
    clause="4.7.5",
    errata=("E-030",),
    qemu="migration/savevm.c: qemu_loadvm_state()",
)
def vmdescription_invalid(context: Context) -> Iterator[Defect]:
    """The JSON description is complete, one line of ASCII, and has the keys that QEMU writes.

    Why:
        QEMU discards the description unread. Other readers need it for the lengths of device
        sections.

    Remedy:
        If the file is a copy, copy it again. QEMU loads it nonetheless; `mappedram state` and
        `mappedram diff` need the description to decode device fields.
    """
    description = context.stream.vmdescription
    for section in context.sections(SectionType.VMDESCRIPTION):
        assert description is not None
        header = context.elements[f"{section.path}/header"]
        assert is_kind(header, VMDESCRIPTION)
        declared = header.values["vmdesc_len"]
        if declared > description.length:
            yield Defect(
                f"the JSON description of {declared:#x} bytes ends with the file after"
                f" {description.length:#x}",
                context.field(header, "vmdesc_len"),
                expected=f"{description.length:#x}",
                actual=f"{declared:#x}",
            )
        elif problem := _problem(context, description):
            yield Defect(
                f"the JSON description at {description.offset:#x} is {problem}",
                Place(description.offset, description.length, f"{section.path}/json"),
                expected="a JSON object",
            )


@rule(
    "MR043",
    "trailing-bytes",
    Severity.WARNING,
    defect="There are bytes after the end of the stream.",
    clause="4.7.7",
    errata=("E-030",),
    qemu="migration/savevm.c: qemu_loadvm_state()",
)
def trailing_bytes(context: Context) -> Iterator[Defect]:
    """Nothing follows the end of the stream.

    Why:
        QEMU does not read these bytes. They remain when a longer file is overwritten in place, or
        when a whole block device is copied. They are not reported on the device itself.

    Remedy:
        Run `mappedram repair`, which removes these bytes. QEMU loads the file nonetheless.
    """
    stream = context.stream
    if context.source.is_device:
        return  # its size says nothing of the snapshot on it
    if stream.ended and not stream.stopped and stream.end < stream.file_size:
        length = stream.file_size - stream.end
        yield Defect(
            f"{length:#x} {'byte follows' if length == 1 else 'bytes follow'} the end of the"
            f" stream at {stream.end:#x}",
            Place(stream.end, length, "/after_the_stream"),
            expected="end of the file",
        )


def _problem(context: Context, description: VmDescription) -> str | None:
    """The problem of a complete text, if any."""
    if description.document is None:
        return description.problem
    text = context.source.read(description.offset, description.length)
    if not text.isascii() or not text.decode("ascii").isprintable():
        return "not plain ASCII on one line"
    for key, kind in KEYS.items():
        if not isinstance(description.document.get(key), kind):
            return f"without a {key!r} that is of type {kind.__name__}"
    return None
