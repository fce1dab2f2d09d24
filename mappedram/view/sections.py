"""Names and folding of the sections of a stream in `info` and `layout`."""

from collections.abc import Sequence

from mappedram.format.constants import CommandType
from mappedram.printable import printable
from mappedram.stream.model import Section

_COMMANDS = {command.value: command.name for command in CommandType}


def section_name(section: Section) -> tuple[str, str | None]:
    """The type of a section, with its device or command."""
    if section.command is not None:
        return section.type.name, _COMMANDS.get(section.command, f"{section.command:#x}")
    return section.type.name, None if section.idstr is None else printable(section.idstr)


def section_key(section: Section) -> tuple[object, ...]:
    """Key that is equal for sections with the same header, such as the PARTs of one device."""
    return section.type, section.section_id, section.command


def folded_sections(hidden: Sequence[Section]) -> str:
    """Line in place of sections that repeat those before."""
    # Only the sections of one cycle have different names.
    names = dict.fromkeys(" ".join(filter(None, section_name(section))) for section in hidden)
    return f"… {len(hidden)} more {', '.join(names)} …"
