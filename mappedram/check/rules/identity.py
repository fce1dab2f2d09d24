"""MR0: the section_id and the name of devices."""

from collections.abc import Iterator

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Severity
from mappedram.check.registry import rule
from mappedram.check.rules.fields import Broken, field_rule
from mappedram.format.constants import SectionType
from mappedram.format.validity import Harmless
from mappedram.stream.model import Section

#: `idstr` and `instance_id`.
Device = tuple[str | None, int | None]


@rule(
    "MR051",
    "section-id-shared",
    Severity.ERROR,
    defect="Two live devices use one section_id at the same time.",
    clause="4.2.1",
    qemu="migration/savevm.c: qemu_loadvm_section_part_end()",
)
def section_id_shared(context: Context) -> Iterator[Defect]:
    """No two live devices share a section_id before END.

    Why:
        QEMU finds the device of a PART or END section by section_id only, and uses the first match
        in its own list: the records of one device may go to another.

    Remedy:
        Use the original file that QEMU wrote. If your own program wrote the file, give each live
        device its own section_id.
    """
    for section, owner, live in _taken(context):
        if live:
            yield _shared(context, section, owner)


@rule(
    "MR052",
    "section-id-changed",
    Severity.WARNING,
    defect="A device changes its section_id, or shares it with another one.",
    clause="4.2.1",
    qemu="migration/savevm.c: savevm_state_handler_insert()",
)
def section_id_changed(context: Context) -> Iterator[Defect]:
    """Each device has one section_id, and no two devices share one.

    Why:
        QEMU numbers its devices once. It loads FULL sections by name, so that it loads such a file,
        but it never writes one.

    Remedy:
        None needed: QEMU loads the file. Fix the program that wrote it.
    """
    numbers: dict[Device, int] = {}
    for section in context.sections(SectionType.START, SectionType.FULL):
        assert section.section_id is not None
        first = numbers.setdefault(_device(section), section.section_id)
        if section.section_id != first:
            yield Defect(
                f"{section.idstr!r} has section_id {section.section_id}, but {first} earlier",
                context.section_field(section, "section_id"),
                expected=f"{first}",
                actual=f"{section.section_id}",
            )
    for section, owner, live in _taken(context):
        if not live:
            yield _shared(context, section, owner)


@field_rule(
    "MR028",
    "section-idstr-unsafe",
    defect="The name of a section has control characters or path steps.",
    qemu="migration/savevm.c: register_savevm_live(), vmstate_register_with_alias_id()",
)
def section_idstr_unsafe(broken: Broken) -> str:
    """The idstr of a section has no control characters, and no path step such as `..`.

    Why:
        QEMU has no such device and refuses the file. In a tool that prints the name or uses it as a
        path, it can forge output or escape from a folder.

    Remedy:
        Do not trust the file: QEMU never writes such a name. `mappedram` escapes it in its output,
        and never uses it as a path.
    """
    return f"the section idstr {broken.value!r} contains {Harmless().danger(broken.text)}"


def _taken(context: Context) -> Iterator[tuple[Section, Device, bool]]:
    """Sections with the section_id of another device, that device, and whether one is live."""
    owners: dict[int | None, Device] = {}
    live: set[int | None] = set()
    for section in context.sections(SectionType.START, SectionType.END, SectionType.FULL):
        if section.type == SectionType.END:
            live.discard(section.section_id)
            continue
        owner = owners.setdefault(section.section_id, _device(section))
        starts = section.type == SectionType.START
        if owner != _device(section):
            yield section, owner, starts or section.section_id in live
        if starts:
            live.add(section.section_id)


def _shared(context: Context, section: Section, owner: Device) -> Defect:
    return Defect(
        f"{section.type.name} of {section.idstr!r} has section_id {section.section_id},"
        f" the same as {owner[0]!r}",
        context.section_field(section, "section_id"),
        expected="a unique section_id",
        actual=f"{section.section_id}",
    )


def _device(section: Section) -> Device:
    return section.idstr, section.instance_id
