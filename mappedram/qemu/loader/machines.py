"""The machine types of each release of QEMU.

QEMU loads a snapshot only on the machine type that it was saved on. Each release adds new versions
of its versioned machine types, and removes those that are six years old or more; boards come and go
as well. The table has the names of upstream QEMU; machine types of distributions are unknown here.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from mappedram.qemu.loader._machines import RELEASES, TABLE
from mappedram.qemu.loader.releases import Behaviour

__all__ = ["NEWEST", "RELEASES", "Row", "existence", "exists", "rows", "span"]


#: The newest release in the table.
NEWEST = RELEASES[-1]


class Row(NamedTuple):
    """A machine type of one folder of QEMU's source; several rows may have the same name.

    Attributes:
        machine: name of the machine type, as a snapshot has it: no alias.
        folder: the folder of `hw` that declares it, `core` for `none`.
        first: the first release in the table that has it.
        last: the last one.
    """

    machine: str
    folder: str
    first: str
    last: str


def rows(table: str = TABLE) -> Iterator[Row]:
    """All rows of a table."""
    for line in table.splitlines():
        first, last, folder, *machines = line.split()
        yield from (Row(machine, folder, first, last) for machine in machines)


def exists(machine: str, release: str) -> bool | None:
    """Whether a release has a machine type, for any target.

    Args:
        machine: such as `pc-i440fx-10.0`.
        release: such as `10.0` or `11.1.3`; patch releases neither add nor remove machine types.

    Returns:
        None if unknown: no release in the table has such a machine type, or the table does not have
        the release.
    """
    number = _number(release)
    having = _having().get(machine)
    if having is None or number not in map(_number, RELEASES):
        return None
    return number in having


def span(machine: str) -> tuple[str, str] | None:
    """The first and the last release in the table with a machine type; None if there is none."""
    numbers = _having().get(machine)
    having = [release for release in RELEASES if numbers and _number(release) in numbers]
    return (having[0], having[-1]) if having else None


def existence(machine: str) -> Behaviour | None:
    """Which releases have a machine type; None if no release in the table has it.

    A release that loads a file was seen to have its machine type. Failures elsewhere were read in
    the source: see `no-machine` in `mappedram.qemu.loader.failures`.
    """
    known = span(machine)
    if known is None:
        return None
    first, last = map(RELEASES.index, known)
    behind = RELEASES[last + 1 : last + 2]
    return Behaviour(RELEASES[first] if first else None, behind[0] if behind else None)


def _number(release: str) -> tuple[int, ...]:
    """Major and minor version."""
    return tuple(map(int, release.split(".")[:2]))


@cache
def _having() -> dict[str, set[tuple[int, ...]]]:
    """Releases with each machine type."""
    numbers = [_number(release) for release in RELEASES]
    found: dict[str, set[tuple[int, ...]]] = {}
    for row in rows():
        first, last = _number(row.first), _number(row.last)
        found.setdefault(row.machine, set()).update(n for n in numbers if first <= n <= last)
    return found
