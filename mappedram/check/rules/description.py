"""MR0: whether the JSON description agrees with the sections."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from reprlib import Repr
from typing import Any

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.format import structures
from mappedram.format.constants import SectionType
from mappedram.stream.model import Section
from mappedram.stream.reader.vmdescription import payload_lengths

#: Shortens values of the text, which can be megabytes long.
_SHORT = Repr()
_SHORT.maxstring = 100


@rule(
    "MR044",
    "vmdescription-devices",
    Severity.WARNING,
    defect="The JSON description and the stream have different devices.",
    clause="4.7.4",
    qemu="migration/savevm.c: vmstate_save()",
)
def vmdescription_devices(context: Context) -> Iterator[Defect]:
    """The JSON description lists the FULL sections, in their order.

    Why:
        QEMU writes both at the same time, and reads only the sections. Sections were added, removed
        or moved afterwards; a reader that takes their lengths from the description fails.

    Remedy:
        Use the original file that QEMU wrote. If only the description is wrong, QEMU loads the
        file, but `mappedram state` may show wrong fields.
    """
    for number, (section, device) in enumerate(_pairs(context)):
        described, present = _described(device), _present(section)
        if described != present:
            yield Defect(
                f"device {number} of the JSON description is {_shown(described)}, but the section"
                f" is {_shown(present)}",
                _place(context, f"devices[{number}]"),
                expected=_shown(present),
                actual=_shown(described),
            )
            return  # what follows is shifted


@rule(
    "MR045",
    "vmdescription-version",
    Severity.WARNING,
    defect="The JSON description gives a device another version than its section.",
    clause="4.7.8",
    qemu="migration/vmstate.c: vmstate_save_state_v(), since 11.1 vmstate_save_vmsd_v()",
)
def vmdescription_version(context: Context) -> Iterator[Defect]:
    """The JSON description gives each device the version of its section.

    Why:
        QEMU writes the same number in both places, and uses the one in the section. With another
        version, a device has other fields than the description lists.

    Remedy:
        Use the original file that QEMU wrote. If only the description is wrong, QEMU loads the
        file, but `mappedram state` may show wrong fields.
    """
    for number, (section, device) in enumerate(_pairs(context)):
        if section is None or _described(device) != _present(section):
            continue
        version = device.get("version", section.version_id)
        if version != section.version_id:
            yield Defect(
                f"{section.idstr!r} has version {section.version_id}, but {_SHORT.repr(version)} in"
                " the JSON description",
                _place(context, f"devices[{number}]/version"),
                expected=f"{section.version_id}",
                actual=_SHORT.repr(version),
            )


@rule(
    "MR046",
    "vmdescription-length",
    Severity.WARNING,
    defect="The JSON description gives a device another length than its section.",
    clause="4.6.7",
    errata=("E-015",),
    qemu="migration/vmstate.c: vmsd_desc_field_end()",
)
def vmdescription_length(context: Context) -> Iterator[Defect]:
    """The payload of each FULL section has the length given by the JSON description.

    Why:
        The payload or the description was changed; the end of the section is then guessed from its
        footer. QEMU ignores a wrong description, but stops at a payload of the wrong length. QEMU
        itself describes arrays of pointers wrongly if they contain null pointers: up to 9.2 those
        of `s390_css`, and up to 11.1 any array that begins with other pointers.

    Remedy:
        None needed if QEMU up to 9.2 wrote the file on s390x, or for such an array: the description
        is wrong there. Otherwise use the original file that QEMU wrote; `mappedram state` may show
        wrong fields.
    """
    document = _document(context)
    lengths = payload_lengths(document) if document else {}
    for section in context.sections(SectionType.FULL):
        described = lengths.get((section.idstr or "", section.instance_id or 0))
        if described and (length := described.pop(0)) != section.payload_length:
            yield Defect(
                f"the payload of {section.idstr!r} has {section.payload_length:#x} bytes, but"
                f" {length:#x} in the JSON description",
                Place(section.payload_offset, section.payload_length, f"{section.path}/payload"),
                expected=f"{length:#x}",
                actual=f"{section.payload_length:#x}",
            )


@rule(
    "MR047",
    "vmdescription-configuration",
    Severity.WARNING,
    defect="The JSON description omits a subsection of the configuration.",
    clause="4.7.9",
    qemu="migration/savevm.c: qemu_savevm_state_header()",
)
def vmdescription_configuration(context: Context) -> Iterator[Defect]:
    """The JSON description lists the subsections of the configuration.

    Why:
        QEMU writes both from the same table. A converter that adds or removes mapped-ram has to
        change both.

    Remedy:
        None needed: QEMU loads the file. Fix the program that changed it.
    """
    document = _document(context)
    described = document.get("configuration") if document else None
    if not isinstance(described, dict):
        return  # as in all files up to QEMU 8.1
    entries = described.get("subsections", [])
    names = [_get(e, "vmsd_name") for e in entries] if isinstance(entries, list) else None
    present = [e.values["idstr"] for e in context.of_kind(structures.CONFIGURATION_SUBSECTION)]
    # MR010 checks their order.
    if names is None or Counter(map(str, names)) != Counter(present):
        yield Defect(
            "the configuration has other subsections than the JSON description lists",
            _place(context, "configuration"),
            expected=", ".join(present) or "none",
            actual=_SHORT.repr(names),
        )


def _document(context: Context) -> Mapping[str, Any] | None:
    """The description of a stream that was parsed to its end."""
    stream = context.stream
    if stream.stopped or not stream.ended or stream.vmdescription is None:
        return None
    return stream.vmdescription.document


def _pairs(context: Context) -> Iterator[tuple[Section | None, Any]]:
    """Each FULL section with the device at the same position in the description."""
    document = _document(context)
    devices = document.get("devices") if document else None
    if isinstance(devices, list):
        yield from zip_longest(context.sections(SectionType.FULL), devices)


def _described(device: Any) -> tuple[Any, Any] | None:
    return (_get(device, "name"), _get(device, "instance_id")) if device is not None else None


def _present(section: Section | None) -> tuple[Any, Any] | None:
    return (section.idstr, section.instance_id) if section else None


def _shown(device: tuple[Any, Any] | None) -> str:
    return "missing" if device is None else " ".join(map(_SHORT.repr, device))


def _get(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, dict) else None


def _place(context: Context, name: str) -> Place:
    description = context.stream.vmdescription
    assert description is not None
    return Place(description.offset, description.length, f"/vmdescription/{name}")
