"""The address space of a running QEMU: `info mtree -f`."""

import re
from dataclasses import dataclass

from tools.qemu import Machine

_LINE = re.compile(
    r"  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (ram|rom|romd|nv-ram)\): (.+?)"
    r"(?: @([0-9a-f]{16}))?(?: KVM)?"
)


@dataclass(frozen=True)
class Seen:
    """A range of a RAM block, as QEMU prints it."""

    gpa: int
    end: int
    kind: str
    name: str
    offset: int


def seen(machine: Machine) -> list[Seen]:
    """All ranges of blocks in the processor's address space."""
    views = machine.hmp("info mtree -f").split("FlatView #")
    lines = next(view for view in views if ' AS "memory"' in view).splitlines()
    return [_parsed(match) for line in lines if (match := _LINE.fullmatch(line))]


def _parsed(match: re.Match[str]) -> Seen:
    start, end, kind, name, offset = match.groups()
    return Seen(int(start, 16), int(end, 16) + 1, kind, name, int(offset or "0", 16))
