"""Make the committed qcow2 images with internal snapshots, each for one reason.

    python -m tools.qemu.disk_images [NAME ...]

makes the named images, or all, as tests/fixtures/NAME.tar.gz, and describes them in
tests/fixtures/disk_images.json. The guests have no firmware and no device: machine `none`, whose
memory is a file that is changed between two snapshots. Only the dates of the snapshots differ when
they are made again. Needs qemu-img.
"""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import manifest, pattern
from .fixtures import DIRECTORY, archive
from .machine import MAPPED_RAM, NEWER, Machine, find, version
from .recipe import COMMON, KIB, MIB

SIZE = MIB
PAGE = 4 * KIB
RUNS = ((0, 1), (16, 24), (63, 66), (250, 256))
#: Pages that are zero in the second snapshot of an image.
ZEROED = (16, 24)
PATH = DIRECTORY / "disk_images.json"


@dataclass(frozen=True, kw_only=True)
class DiskFixture:
    """Recipe of one image.

    Attributes:
        name: The image's name without its suffix.
        reason: The distinguishing feature of the image.
        options: The options of `qemu-img create`.
        size: The size of the disk in bytes.
        beside: The folder of an emulator other than the system's.
        capabilities: Migration capabilities switched on.
        snapshots: The names of the snapshots, in order; of one that begins with "disk", the disk
            alone is saved.
    """

    name: str
    reason: str
    options: str
    size: int = MIB
    beside: Path | None = None
    capabilities: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ("one",)

    @property
    def file(self) -> str:
        """The name of the image in the archive."""
        return f"{self.name}.qcow2"


TABLE = (
    DiskFixture(
        name="savevm-plain",
        reason="an image of version 2, and a VM state without mapped-ram",
        options="compat=0.10,cluster_size=4096",
        snapshots=("before-update",),
    ),
    DiskFixture(
        name="savevm-mapped-ram",
        reason="a snapshot of the disk alone, and two with mapped-ram, of which the second shares"
        " clusters of the first under clear bits",
        options="compat=1.1,cluster_size=4096",
        size=3 * MIB,
        beside=NEWER,
        capabilities=MAPPED_RAM,
        snapshots=("disk", "first", "second"),
    ),
    DiskFixture(
        name="savevm-extended-l2",
        reason="clusters that are allocated in 32 parts",
        options="compat=1.1,cluster_size=16384,extended_l2=on",
        beside=NEWER,
        capabilities=MAPPED_RAM,
    ),
)


def make(fixture: DiskFixture, work: Path) -> dict[str, Any]:
    """Write the image's archive, using the empty directory `work`; return its description."""
    binary = find(beside=fixture.beside)
    if not binary:
        sys.exit("no qemu-system-x86_64: run tools/qemu/install and install-newer")
    path, ram = work / fixture.file, work / "ram"
    _qemu_img("create", "-q", "-f", "qcow2", "-o", fixture.options, path, fixture.size)
    pattern.fill(ram, SIZE, PAGE, RUNS, pattern.seed(b"RAM0"))
    memory: dict[str, str | None] = {}
    states = [name for name in fixture.snapshots if not name.startswith("disk")]
    for name in fixture.snapshots:
        if name not in states:
            _qemu_img("snapshot", "-c", name, path)
            memory[name] = None
    with Machine(binary, _arguments(path, ram)) as machine:
        machine.configure(fixture.capabilities, None)
        for number, name in enumerate(states):
            if number:
                _zero(ram)
            if said := machine.hmp(f"savevm {name}"):
                sys.exit(f"savevm: {said}")
            memory[name] = _digest(machine, work / "memory")
        argv = [binary.name, *machine.argv[1:]]
    archive(path, DIRECTORY / f"{fixture.name}.tar.gz")
    return {
        "reason": fixture.reason,
        "file": fixture.file,
        "options": fixture.options,
        "size": path.stat().st_size,
        "disk_size": fixture.size,
        "qemu": ".".join(map(str, version(binary))),
        "argv": [word.replace(str(work), "{dir}") for word in argv],
        "capabilities": list(fixture.capabilities),
        "memory": memory,
    }


def _arguments(path: Path, ram: Path) -> list[str]:
    text = (
        f"{COMMON} -machine none,memory-backend=ram -m {SIZE // MIB}M"
        f" -object memory-backend-file,id=ram,size={SIZE},share=on,mem-path={ram}"
        f" -drive if=none,id=disk0,format=qcow2,file={path}"
    )
    return shlex.split(text)


def _zero(ram: Path) -> None:
    first, last = ZEROED
    with ram.open("r+b") as file:
        file.seek(first * PAGE)
        file.write(bytes((last - first) * PAGE))


def _digest(machine: Machine, path: Path) -> str:
    """SHA-256 of the guest's memory."""
    machine.pmemsave(0, SIZE, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _qemu_img(*arguments: object) -> None:
    subprocess.run(["qemu-img", *map(str, arguments)], check=True)


def main() -> None:
    """Make the images named on the command line."""
    table = {fixture.name: fixture for fixture in TABLE}
    names = manifest.chosen(table, "image", "Make the qcow2 images with a real QEMU.")
    entries = manifest.read(PATH)
    for name in names:
        with tempfile.TemporaryDirectory(prefix="mappedram-") as work:
            entries[name] = make(table[name], Path(work))
        manifest.write(PATH, entries, table)
        size = (DIRECTORY / f"{name}.tar.gz").stat().st_size
        print(f"{name:24}{entries[name]['qemu']:12}{size:9}", file=sys.stderr)


if __name__ == "__main__":
    main()
