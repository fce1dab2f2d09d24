"""MR0: the configuration section, except for its capabilities."""

from collections.abc import Iterator

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.check.rules.fields import Broken, field_rule
from mappedram.format import structures
from mappedram.qemu.loader import machines

SUBSECTION_ORDER = (
    "configuration/target-page-bits",
    "configuration/capabilities",
    "configuration/uuid",
)


@rule(
    "MR007",
    "mapped-ram-guessed",
    Severity.INFO,
    defect="The file has mapped-ram headers, but does not list the capability.",
    clause="9.4.3",
    qemu="migration/savevm.c: vmstate_configuration",
)
def mapped_ram_guessed(context: Context) -> Iterator[Defect]:
    """The configuration section lists the capability mapped-ram.

    Why:
        A source with `migration.send-configuration=off` lists no capabilities. The first block
        shows that blocks have mapped-ram headers.

    Remedy:
        Load the file with `-global migration.send-configuration=off`, as `mappedram restore-hint`
        prints it.
    """
    if context.stream.mapped_ram_guessed:
        header = context.elements["/header"]
        yield Defect(
            "there is no configuration section; mapped-ram is guessed from the first block",
            Place(header.end, 1, "/configuration"),
            expected="0x07",
        )


@field_rule(
    "MR009",
    "subsection-version",
    defect="A subsection of the configuration has an unknown version.",
    qemu="migration/vmstate.c: vmstate_load_state()",
)
def subsection_version(broken: Broken) -> str:
    """Each subsection of the configuration has version 1.

    Why:
        QEMU refuses a subsection whose version is newer than its own, or older than the oldest that
        it supports.

    Remedy:
        Copy the file again, or load it with the QEMU that wrote it: no release up to 11.1 uses
        another version. `mappedram extract` can still read the memory.
    """
    return f"subsection {broken.idstr!r} has version {broken.number}, not {broken.expected}"


@rule(
    "MR010",
    "subsection-order",
    Severity.WARNING,
    defect="Subsections of the configuration are repeated or in the wrong order.",
    clause="3.2.5",
    qemu="migration/savevm.c: vmstate_configuration",
)
def subsection_order(context: Context) -> Iterator[Defect]:
    """The subsections of the configuration are in QEMU's order, each at most once.

    Why:
        QEMU finds subsections by name, in any order, but always writes them in this one.

    Remedy:
        None needed: QEMU loads the file. Fix the program that wrote it.
    """
    last = -1
    for element in context.of_kind(structures.CONFIGURATION_SUBSECTION):
        position = SUBSECTION_ORDER.index(element.values["idstr"])
        if position <= last:
            yield Defect(
                f"subsection {element.values['idstr']!r} follows {SUBSECTION_ORDER[last]!r}",
                context.field(element, "idstr"),
                expected=", ".join(SUBSECTION_ORDER),
                actual=element.values["idstr"],
            )
        last = max(last, position)


@field_rule(
    "MR015",
    "machine-empty",
    defect="The machine type is empty.",
    errata=("E-032",),
    qemu="migration/savevm.c: configuration_post_load()",
)
def machine_empty(broken: Broken) -> str:  # noqa: ARG001
    """The machine type is not empty.

    Why:
        QEMU compares only as many bytes as the name in the file has, so that a destination of any
        machine type accepts the file.

    Remedy:
        Load the file only on the machine type that it was saved on: QEMU does not detect a
        different one.
    """
    return "the machine type is empty"


@field_rule(
    "MR016",
    "machine-unprintable",
    defect="The machine type contains unprintable characters.",
    qemu="migration/savevm.c: configuration_post_load()",
)
def machine_unprintable(broken: Broken) -> str:
    """The machine type consists of printable ASCII characters.

    Why:
        The name of every machine type of QEMU is printable ASCII. No destination has this machine
        type, and QEMU refuses the file (MR061). QEMU ignores bytes after a NUL.

    Remedy:
        Copy the file again: its configuration section is damaged. `mappedram extract` can still
        read the memory.
    """
    return f"unprintable machine type {broken.value!r}"


@rule(
    "MR060",
    "machine-removed",
    Severity.INFO,
    defect="The newest QEMU does not have the machine type any more.",
    clause="3.1.9",
    qemu="system/vl.c: select_machine()",
)
def machine_removed(context: Context) -> Iterator[Defect]:
    """The newest release of QEMU has the machine type.

    Why:
        QEMU loads a file only on the machine type that it was saved on. A release without that
        machine type does not even start with it: "unsupported machine type". Since 10.1, each
        release removes the versioned machine types that are six years old.

    Remedy:
        Load the file with a release that has the machine type; `mappedram check` lists them.
        Without such a release, `mappedram extract` can still read the memory.
    """
    machine = context.stream.machine or ""
    having = machines.span(machine)
    if having is not None and machines.NEWEST not in having:
        first, last = having
        releases = first if first == last else f"{first} to {last}"
        yield Defect(
            f"the machine type {machine!r} is in QEMU {releases}, and no longer in"
            f" {machines.NEWEST}",
            context.field(context.elements["/configuration/header"], "name"),
            expected=f"a machine type of QEMU {machines.NEWEST}",
            actual=machine,
        )
