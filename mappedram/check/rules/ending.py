"""MR0: what stands behind the last section."""

from collections.abc import Iterator

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.format.constants import SectionType
from mappedram.format.structures import VMDESCRIPTION
from mappedram.stream.model import VmDescription, is_kind

#: Keys of the JSON text in every release, and the type that each value has.
KEYS: dict[str, type] = {"page_size": int, "devices": list}


@rule(
    "MR041",
    "vmdescription-missing",
    Severity.INFO,
    clause="4.7.5",
    qemu="migration/savevm.c: should_send_vmdesc()",
)
def vmdescription_missing(context: Context) -> Iterator[Defect]:
    """The JSON description of the devices follows the sections.

    Why:
        QEMU loads the file without it, and leaves it out where the machine has `suppress-vmdesc`
        on. Without it nobody can tell the fields of a device apart.

    Remedy:
        Nothing: QEMU loads the file. For a description next time, save on a machine without
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
    clause="4.7.5",
    errata=("E-030",),
    qemu="migration/savevm.c: qemu_loadvm_state()",
)
def vmdescription_invalid(context: Context) -> Iterator[Defect]:
    """The JSON description is whole, is ASCII on one line, and has the keys that QEMU writes.

    Why:
        QEMU throws it away unread. Other readers take the lengths of device sections from it.

    Remedy:
        Copy the file again, if it is a copy. QEMU loads it as it is; `mappedram state` and
        `mappedram diff` know fields of devices only from the description.
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
    clause="4.7.7",
    errata=("E-030",),
    qemu="migration/savevm.c: qemu_loadvm_state()",
)
def trailing_bytes(context: Context) -> Iterator[Defect]:
    """Nothing follows the end of the stream.

    Why:
        QEMU does not look there. A longer file that was overwritten in place leaves such bytes, and
        so does a copy of a whole block device. On the device itself, they are no finding.

    Remedy:
        Run `mappedram repair`, which cuts these bytes off. QEMU loads the file as it is.
    """
    stream = context.stream
    if context.source.is_device:
        return  # its size says nothing of the snapshot on it
    if stream.ended and not stream.stopped and stream.end < stream.file_size:
        length = stream.file_size - stream.end
        yield Defect(
            f"{length:#x} bytes follow the end of the stream at {stream.end:#x}",
            Place(stream.end, length, "/after_the_stream"),
            expected="end of the file",
        )


def _problem(context: Context, description: VmDescription) -> str | None:
    """What is wrong with a text that is all there."""
    if description.document is None:
        return description.problem
    text = context.source.read(description.offset, description.length)
    if not text.isascii() or not text.decode("ascii").isprintable():
        return "not plain ASCII on one line"
    for key, kind in KEYS.items():
        if not isinstance(description.document.get(key), kind):
            return f"without a {key!r} that is of type {kind.__name__}"
    return None
