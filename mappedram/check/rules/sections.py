"""MR0: the framing of sections, and their footers."""

from collections.abc import Iterator
from itertools import pairwise

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.check.rules.fields import Broken, field_rule
from mappedram.format.constants import SectionType
from mappedram.stream.model import Section

_LOADED = (SectionType.START, SectionType.PART, SectionType.END, SectionType.FULL)


@field_rule(
    "MR021",
    "section-idstr-empty",
    defect="A section has an empty name.",
    qemu="migration/savevm.c: qemu_loadvm_section_start_full()",
)
def section_idstr_empty(broken: Broken) -> str:
    """The idstr of a START or FULL section is not empty.

    Why:
        QEMU fails to read the name: "Unable to read ID string for section".

    Remedy:
        Copy the file again, or save again: nothing shows which device this was. `mappedram extract`
        can still read the memory.
    """
    return f"section {broken.values['section_id']!r} has an empty idstr"


@rule(
    "MR022",
    "section-without-start",
    Severity.ERROR,
    defect="A PART or END section belongs to no earlier START.",
    clause="4.3.1",
    errata=("E-033",),
    qemu="migration/savevm.c: qemu_loadvm_section_part_end()",
)
def section_without_start(context: Context) -> Iterator[Defect]:
    """The section_id of a PART or END section was introduced by an earlier START.

    Why:
        QEMU refuses it: "Unknown savevm section", since 10.2 "Unknown section". QEMU passes a
        section with section_id 0 to its first device.

    Remedy:
        Copy the file again, or save again: nothing shows which device this was. `mappedram extract`
        can still read the memory.
    """
    for section in context.sections(SectionType.PART, SectionType.END):
        if section.idstr is None:
            yield Defect(
                f"{section.type.name} has section_id {section.section_id}, which no START has",
                context.section_field(section, "section_id"),
                expected="section_id of a START",
                actual=f"{section.section_id}",
            )


@rule(
    "MR023",
    "section-repeated",
    Severity.WARNING,
    defect="A device has two START, two END or two FULL sections.",
    clause="4.2.3",
    qemu="migration/savevm.c: qemu_savevm_state_setup(), qemu_savevm_state_complete_precopy()",
)
def section_repeated(context: Context) -> Iterator[Defect]:
    """Each device has at most one START, one END and one FULL section.

    Why:
        QEMU does not check this, and loads the device a second time, over the state that it loaded
        before.

    Remedy:
        None needed if both sections have the same contents: QEMU uses the later one. Fix the
        program that wrote the file.
    """
    seen = set()
    for section in context.sections(SectionType.START, SectionType.END, SectionType.FULL):
        key = (section.type, section.section_id, section.idstr, section.instance_id)
        if section.idstr and key in seen:
            yield Defect(
                f"{section.type.name} of {section.idstr!r} occurs twice",
                Place(section.offset, section.header_length, section.path),
                expected=f"one {section.type.name}",
            )
        seen.add(key)


@rule(
    "MR024",
    "footer-mismatch",
    Severity.ERROR,
    defect="A footer has another section_id than its section.",
    clause="4.4.5",
    qemu="migration/savevm.c: check_section_footer()",
)
def footer_mismatch(context: Context) -> Iterator[Defect]:
    """The footer of a section repeats its section_id.

    Why:
        QEMU stops with "Mismatched section id in footer". Usually the payload is damaged, or has
        another length than the reader expects.

    Remedy:
        Run `mappedram repair`: it rewrites the footer where the section provably ends there.
        Otherwise the payload is damaged: copy the file again, or save again. `mappedram extract`
        can still read the memory.
    """
    for section in context.sections(*_LOADED):
        if section.footer_id not in (None, section.section_id):
            yield Defect(
                f"the footer of {_called(section)} has the section_id {section.footer_id}",
                context.field(context.elements[f"{section.path}/footer"], "section_id"),
                expected=f"{section.section_id}",
                actual=f"{section.footer_id}",
            )


@rule(
    "MR025",
    "footer-missing",
    Severity.ERROR,
    defect="Some sections have a footer, and others have none.",
    clause="4.4.5",
    qemu="migration/savevm.c: check_section_footer()",
)
def footer_missing(context: Context) -> Iterator[Defect]:
    """All sections have a footer, or none has.

    Why:
        QEMU expects footers on all sections or on none, depending on
        `migration.send-section-footer`, and stops with "Missing section footer".

    Remedy:
        Copy the file again, or save again: the footer, or the payload before it, is damaged.
        `mappedram extract` can still read the memory.
    """
    if all(section.footer_id is None for section in context.sections(*_LOADED)):
        return
    # The last section, where parsing stopped, may have one.
    for section, _ in pairwise(context.stream.sections):
        if section.type in _LOADED and section.footer_id is None:
            yield Defect(
                f"{_called(section)} has no footer, although other sections have one",
                Place(section.payload_end, 1, f"{section.path}/footer"),
                expected="0x7e",
                actual=f"0x{context.source.read(section.payload_end, 1).hex()}",
            )


@field_rule(
    "MR026",
    "ram-version",
    defect="START of RAM has another version than 4.",
    qemu="migration/ram.c: ram_load()",
)
def ram_version(broken: Broken) -> str:
    """START of RAM has version 4.

    Why:
        QEMU refuses newer versions, and does not read older ones.

    Remedy:
        Load the file with the build of QEMU that wrote it: no release up to 11.1 uses another
        version. `mappedram extract` can still read the memory.
    """
    return f"START of RAM has version {broken.number}"


@field_rule(
    "MR027",
    "ram-instance",
    defect="START of RAM has another instance_id than 0.",
    qemu="migration/savevm.c: find_se()",
)
def ram_instance(broken: Broken) -> str:
    """START of RAM has instance_id 0.

    Why:
        QEMU finds no such device and refuses the file: "Unknown savevm section or instance", since
        10.2 "Unknown section or instance".

    Remedy:
        Use the original file that QEMU wrote: no release has a second RAM device. `mappedram
        extract` can still read the memory.
    """
    return f"START of RAM has instance_id {broken.number}"


def _called(section: Section) -> str:
    """Name of a section in messages."""
    return f"{section.type.name} of {section.idstr!r}"
