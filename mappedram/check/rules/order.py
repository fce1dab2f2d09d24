"""MR0: whether all sections are present, in the order of a save."""

from collections.abc import Iterator

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.format import structures
from mappedram.format.constants import DIRTY_BITMAP_START, CommandType, SectionType
from mappedram.stream.model import Section

DIRTY_BITMAP_IDSTR = "dirty-bitmap"
#: Suffixes of the `idstr` of live devices that write END whenever they write START, unless the save
#: writes no END at all. Source: QEMU hw/ppc/spapr.c, htab_save_complete(); s390-stattrib.c,
#: cmma_save_complete(); hw/vfio/migration.c, vfio_save_complete_precopy().
_ALWAYS_ENDED = ("spapr/htab", "s390-storage_attributes", "/vfio")

#: The phase of a save that writes a section. A FULL section may also precede all PART sections.
_PHASES = {SectionType.START: 0, SectionType.PART: 1, SectionType.END: 2, SectionType.FULL: 3}


@rule(
    "MR053",
    "live-end-missing",
    Severity.ERROR,
    defect="The END section with the final state of a live device is missing.",
    clause="4.3.2",
    errata=("E-052",),
    qemu="migration/savevm.c: qemu_savevm_state_complete_precopy_iterable()",
)
def live_end_missing(context: Context) -> Iterator[Defect]:
    """A live device that saves its final state in END has an END section (RAM: see MR003).

    Why:
        QEMU does not notice that END is missing, and continues with a partly restored device. Some
        devices need no END: `dirty-bitmap` without a bitmap, devices of other builds such as
        Proxmox's `pbs-state`, and all devices after a save with `background-snapshot`.

    Remedy:
        Save again: the final state of this device is not in the file. `mappedram extract` can still
        read the memory.
    """
    if not context.stream.ended or not context.stream.ram_ended:
        return
    ended = {section.section_id for section in context.sections(SectionType.END)}
    for section in context.sections(SectionType.START):
        if section.section_id not in ended and _needs_end(context, section):
            yield Defect(
                f"live device {section.idstr!r} has START, but no END",
                Place(section.offset, section.header_length, section.path),
                expected="END before EOF",
            )


def _needs_end(context: Context, section: Section) -> bool:
    """Whether the device of a START section always writes END as well."""
    idstr = section.idstr or ""
    if idstr == DIRTY_BITMAP_IDSTR:
        return _announces_bitmaps(context, section)
    return idstr.endswith(_ALWAYS_ENDED)


def _announces_bitmaps(context: Context, section: Section) -> bool:
    """Whether a START of `dirty-bitmap` names a bitmap, so that its bits must follow."""
    return any(
        chunk.values["chunk_flags"] & DIRTY_BITMAP_START
        for chunk in context.of_kind(structures.DIRTY_BITMAP_CHUNK)
        if chunk.path.startswith(f"{section.path}/")
    )


@rule(
    "MR054",
    "section-order",
    Severity.WARNING,
    defect="Sections are in another order than START, PART, END, devices.",
    clause="4.8.1",
    qemu="migration/savevm.c: qemu_savevm_state_setup(), qemu_savevm_state_complete_precopy()",
)
def section_order(context: Context) -> Iterator[Defect]:
    """All START sections precede all PART, those all END, and those the devices.

    Why:
        QEMU loads sections in any order, but writes them in this one. Devices rely on it: they are
        restored after memory.

    Remedy:
        None needed if QEMU loads the file. Fix the program that wrote it.
    """
    reached = SectionType.START
    for section in context.sections(*_PHASES):
        if _PHASES[section.type] < _PHASES[reached]:
            yield Defect(
                f"{section.type.name} of {section.idstr!r} follows {reached.name} sections",
                Place(section.offset, section.header_length, section.path),
                expected="START, PART, END, FULL",
                actual=section.type.name,
            )
        elif section.type != SectionType.FULL or reached != SectionType.START:
            reached = section.type


@rule(
    "MR034",
    "command-order",
    Severity.WARNING,
    defect="A command is repeated or in the wrong place.",
    clause="4.5.1",
    qemu="migration/migration.c: migration_switchover_start()",
)
def command_order(context: Context) -> Iterator[Defect]:
    """SWITCHOVER_START occurs once, after PART and before END; POSTCOPY_ADVISE before RAM.

    Why:
        QEMU refuses a second POSTCOPY_ADVISE. Otherwise it accepts these commands anywhere, but
        writes them only at this position. QEMU 9.0 to 9.2 refuse SWITCHOVER_START at any position.

    Remedy:
        None needed if QEMU loads the file, as `mappedram check` reports. Fix the program that wrote
        it.
    """
    end = next((section.offset for section in context.sections(SectionType.END)), None)
    parts = (section.offset for section in context.sections(SectionType.PART))
    # Without any END, the last PART is unknown.
    last = max((part for part in parts if end and part < end), default=0)
    ram = context.ram_start
    limits = {
        CommandType.SWITCHOVER_START: (last, end or context.stream.end),
        CommandType.POSTCOPY_ADVISE: (0, ram.offset if ram else context.stream.end),
    }
    seen: set[int] = set()
    for section in context.sections(SectionType.COMMAND):
        if section.command not in limits:
            continue
        first, behind = limits[CommandType(section.command)]
        again = section.command in seen
        if again or not first <= section.offset < behind:
            name = CommandType(section.command).name
            yield Defect(
                f"command {name} {'occurs twice' if again else 'is at the wrong position'}",
                Place(section.offset, section.header_length, section.path),
                expected="once" if again else f"{first:#x} to {behind:#x}",
                actual=f"{section.offset:#x}",
            )
        seen.add(section.command)
