"""MR0: commands, the instructions of a stream to its loader."""

from collections.abc import Iterator

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Severity
from mappedram.check.registry import rule
from mappedram.check.rules.fields import Broken, field_rule
from mappedram.format.constants import COMMAND_LENGTHS, CommandType, SectionType
from mappedram.format.structures import COMMAND
from mappedram.printable import plural
from mappedram.stream.model import Section, is_kind

#: The commands that QEMU writes to files, with the length of their data; the second one is written
#: with the capability dirty-bitmaps.
COMMANDS_OF_A_FILE = {(CommandType.SWITCHOVER_START, 0), (CommandType.POSTCOPY_ADVISE, 0)}

#: Releases and conditions under which a file with such a command loads.
_WHERE = {
    CommandType.ENABLE_COLO: ": QEMU 9.0 to 10.2 loads it, at a destination that has x-colo on",
}


@field_rule(
    "MR031",
    "command-unknown",
    defect="The stream contains a command that QEMU does not know.",
    qemu="migration/savevm.c: loadvm_process_command()",
)
def command_unknown(broken: Broken) -> str:
    """Each command is known to QEMU.

    Why:
        QEMU refuses a file with an unknown command.

    Remedy:
        Load the file with the build of QEMU that wrote it: no release up to 11.1 has this command.
        `mappedram extract` can still read the memory.
    """
    return f"unknown command {broken.number}"


@field_rule(
    "MR032",
    "command-length",
    defect="A command has data of the wrong length.",
    qemu="migration/savevm.c: loadvm_process_command()",
)
def command_length(broken: Broken) -> str:
    """The data of a command has the length that the command requires.

    Why:
        QEMU compares the length with a table, and stops if it differs.

    Remedy:
        Use the original file that QEMU wrote: no release up to 11.1 gives this command another
        length. `mappedram extract` can still read the memory.
    """
    assert is_kind(broken.element, COMMAND)
    name = CommandType(broken.element.values["command"]).name
    return f"command {name} has {plural(broken.number, 'byte')} of data, not {broken.expected}"


@rule(
    "MR033",
    "command-unexpected",
    Severity.WARNING,
    defect="The stream contains a command that belongs in no snapshot.",
    clause="4.5.3",
    errata=("E-005", "E-006"),
    qemu="migration/savevm.c: loadvm_process_command()",
)
def command_unexpected(context: Context) -> Iterator[Defect]:
    """The stream has no commands of postcopy, COLO or the return path.

    Why:
        These commands need a connection or a second host, which a file does not have. Saves with
        `return-path` contain them, and QEMU loads such files nonetheless. Saves with `x-colo`
        contain them up to QEMU 10.2, which loads them with `x-colo` enabled; 11.0 and newer refuse
        them.

    Remedy:
        None needed if QEMU loads the file, as `mappedram check` reports. Save without
        `return-path`, `switchover-ack` and `x-colo` next time. No other option writes these
        commands to a file.
    """
    for section, command in _known(context):
        if (command, len(section.data)) not in COMMANDS_OF_A_FILE:
            where = _WHERE.get(command, "")
            yield Defect(
                f"unexpected command {command.name} in a file{where}",
                context.section_field(section, "command"),
                expected="SWITCHOVER_START",
                actual=command.name,
            )


def _known(context: Context) -> Iterator[tuple[Section, CommandType]]:
    """The commands that QEMU knows."""
    for section in context.sections(SectionType.COMMAND):
        if section.command is not None and section.command in COMMAND_LENGTHS:
            yield section, CommandType(section.command)
