"""`python -m tools.devices.boards`: save each machine type without devices; list what it has.

The table is `mappedram/guest/restore/_boards.py`. Machine types with a version in their name, and
those of several emulators, are in `machines.py` beside it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import mappedram
from mappedram.format.constants import SectionType
from mappedram.guest.restore.machines import BOARDS
from tools.qemu import Machine, QemuError

PATH = Path(mappedram.__file__).parent / "guest/restore/_boards.py"
TIMEOUT = 60.0
_VERSIONED = re.compile(r".*-\d+\.\d+(\.\d+)?|none|x-remote")
#: Emulators that have the same machines as another one.
_SAME = ("amd64", "arm64", "armel", "armhf", "loong64", "x86_64-microvm")
_WIDTH = 96
_HEAD = '''"""What each board has by itself. Made by `python -m tools.devices.boards`.

Read by `machines.py`. From streams of machines without options, of QEMU {releases}. Do not edit.
"""

#: Machine type, emulators, name of the block that `-m` sizes or `-`; then sections and blocks, with
#: `*2` for two sections of one name.
TABLE = """\\
'''


class Found(NamedTuple):
    """A machine type of one emulator: its main memory, sections and blocks."""

    machine: str
    ram_id: str
    sections: str
    blocks: str


def main() -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(prog="python -m tools.devices.boards", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="*", default=[Path("/usr/bin")])
    options = parser.parse_args()
    emulators = [path for folder in options.folder for path in sorted(folder.glob("qemu-system-*"))]
    rows: dict[Found, list[str]] = {}
    releases = set()
    for binary in emulators:
        arch = binary.name.removeprefix("qemu-system-")
        if arch in _SAME or binary.is_symlink():
            continue
        names, release = _machines(binary)
        releases.add(release)
        for machine, ram_id in names.items():
            found = _found(binary, machine, ram_id)
            if found is None:
                print(f"{arch} {machine}: not saved", file=sys.stderr)
            elif arch not in (known := rows.setdefault(found, [])):
                known.append(arch)
    lines = [line for found in sorted(rows) for line in _lines(found, rows[found])]
    head = _HEAD.format(releases=" and ".join(sorted(releases)))
    PATH.write_text(head + "\n".join(lines) + '\n"""\n', encoding="utf-8")
    return 0


def _machines(binary: Path) -> tuple[dict[str, str], str]:
    """Machine types that need a row, with the names of their main memory; and the release."""
    with Machine(binary, ["-M", "none", "-accel", "tcg"], timeout=TIMEOUT) as machine:
        listed = machine.qmp("query-machines")
        version = machine.qmp("query-version")["qemu"]
    names = {one["name"]: one.get("default-ram-id", "-") for one in listed}
    release = f"{version['major']}.{version['minor']}.{version['micro']}"
    arch = binary.name.removeprefix("qemu-system-")
    return {
        name: ram_id
        for name, ram_id in sorted(names.items())
        if not _VERSIONED.fullmatch(name) and not _has_row(name, arch)
    }, release


def _has_row(machine: str, arch: str) -> bool:
    return any(
        re.fullmatch(board.machine, machine) and re.fullmatch(board.arch, arch) for board in BOARDS
    )


def _found(binary: Path, machine: str, ram_id: str) -> Found | None:
    """What the machine has; None if it does not start without options."""
    for more in ((), ("-bios", "none")):
        with TemporaryDirectory(dir="/dev/shm") as folder:
            path = Path(folder) / "saved"
            args = ["-M", machine, "-accel", "tcg", *more]
            try:
                with Machine(binary, args, timeout=TIMEOUT) as guest:
                    guest.save(path, timeout=TIMEOUT)
            except (QemuError, OSError):
                continue
            return _read(path, machine, ram_id)
    return None


def _read(path: Path, machine: str, ram_id: str) -> Found:
    with mappedram.open(path) as snapshot:
        numbers = Counter(
            section.idstr
            for section in snapshot.sections
            if section.type in (SectionType.START, SectionType.FULL) and section.idstr
        )
        blocks = [block.idstr for block in snapshot.blocks if block.idstr != ram_id]
        machine = snapshot.stream.machine or machine
    sections = [f"{name}*{number}" if number > 1 else name for name, number in numbers.items()]
    return Found(machine, ram_id, " ".join(sorted(sections)), " ".join(sorted(blocks)))


def _lines(found: Found, arches: list[str]) -> Iterator[str]:
    """The row, with a line for its sections and one for its blocks, broken if they are long."""
    yield f"{found.machine} {','.join(arches)} {found.ram_id}"
    for mark, text in (("s", found.sections), ("b", found.blocks)):
        line = f" {mark}"
        for word in text.split():
            if len(line) + len(word) + 1 > _WIDTH:
                yield line
                line = f" {mark}"
            line += f" {word}"
        if line != f" {mark}":
            yield line


if __name__ == "__main__":
    sys.exit(main())
