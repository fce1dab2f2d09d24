"""Sections of a stream as `info` and `layout` name and fold them."""

from collections.abc import Sequence

from mappedram.format.constants import CommandType
from mappedram.printable import printable
from mappedram.stream.model import Section

_COMMANDS = {command.value: command.name for command in CommandType}


def section_name(section: Section) -> tuple[str, str | None]:
    """The type of a section, and whose it is or what it commands."""
    if section.command is not None:
        return section.type.name, _COMMANDS.get(section.command, f"{section.command:#x}")
    return section.type.name, None if section.idstr is None else printable(section.idstr)


def section_key(section: Section) -> tuple[object, ...]:
    """Equal for sections that say the same of themselves, such as the PARTs of one device."""
    return section.type, section.section_id, section.command


def folded_sections(hidden: Sequence[Section]) -> str:
    """The line that stands for sections which repeat those before it."""
    # No more than a cycle of them has different names.
    names = dict.fromkeys(" ".join(filter(None, section_name(section))) for section in hidden)
    return f"… {len(hidden)} more {', '.join(names)} …"
