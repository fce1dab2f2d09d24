"""Recipe of a fixture: its machine, its memory, and the actions."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from . import pattern
from .firmware import FIRMWARE
from .machine import MAPPED_RAM, OLDER, Machine, MigrationFailedError

KIB = 1 << 10
MIB = 1 << 20

# No host clock and no randomness (as in a device tree), so that the same bytes are made again.
COMMON = "-accel tcg -rtc base=2024-01-01,clock=vm -seed 1 "

# Bytes before a stream that does not begin the file.
LEADING = b"#"

Run = tuple[int, int]


@dataclass(frozen=True)
class Fill:
    """The pattern in one RAM block; its image is the file `{dir}/BLOCK`.

    A run is a half-open range of page numbers. QEMU may write other pages of the block, outside the
    runs, for example a device tree.
    """

    block: str
    runs: tuple[Run, ...]
    seed: int = pattern.seed(b"RAM0")
    size: int = 16 * MIB
    page_size: int = 4 * KIB


@dataclass(frozen=True, kw_only=True)
class Fixture:
    """Recipe of one file.

    Attributes:
        name: The file's name without its suffix.
        reason: The distinguishing feature of the file.
        args: QEMU's arguments; `{dir}` stands for the directory made by `prepare`.
        arch: Target of the system emulator.
        beside: The folder of an emulator other than the system's: `NEWER` or `OLDER`.
        fills: The RAM blocks with the pattern; `args` say how QEMU gets them.
        capabilities: Migration capabilities switched on.
        parameters: Migration parameters set before migrating.
        offset: Where QEMU begins in the file, behind `LEADING`.
        finish: The actions after the start of the machine; returns the status to record.
    """

    name: str
    reason: str
    args: str
    arch: str = "x86_64"
    beside: Path | None = None
    fills: tuple[Fill, ...] = ()
    capabilities: tuple[str, ...] = MAPPED_RAM
    parameters: Mapping[str, object] = field(default_factory=dict)
    offset: int = 0
    finish: Callable[[Machine, Fixture, Path], str]

    @property
    def file(self) -> str:
        """The name of the file in the archive."""
        return f"{self.name}.{'mapped-ram' if 'mapped-ram' in self.capabilities else 'stream'}"

    def prepare(self, directory: Path, *, blank: bool = False) -> list[str]:
        """Write the files of the machine into `directory` and return QEMU's arguments.

        Args:
            directory: An existing directory; the machine needs it as long as it runs.
            blank: Leave out the pattern, for a machine that will load the file.
        """
        for name, image in FIRMWARE.items():
            (directory / name).write_bytes(image)
        for fill in self.fills:
            runs = () if blank else fill.runs
            pattern.fill(directory / fill.block, fill.size, fill.page_size, runs, fill.seed)
        return shlex.split((COMMON + self.args).format(dir=shlex.quote(str(directory))))


def completed(machine: Machine, fixture: Fixture, path: Path) -> str:
    """Save a stopped guest."""
    start_save(machine, fixture, path)
    machine.wait_migrated()
    return str(machine.migration()["status"])


def halted(machine: Machine, fixture: Fixture, path: Path) -> str:
    """Save a guest that is running, but idle."""
    machine.qmp("cont")
    return completed(machine, fixture, path)


def live(machine: Machine, fixture: Fixture, path: Path) -> str:
    """Save a running guest: throttle the migration for some rounds, then let it finish."""
    machine.qmp("cont")
    start_save(machine, fixture, path)
    rounds = 10
    machine.wait_until(
        lambda: machine.migration().get("ram", {}).get("dirty-sync-count", 0) >= rounds,
        f"{rounds} rounds",
    )
    machine.qmp("migrate-set-parameters", max_bandwidth=0, downtime_limit=1000)
    machine.wait_migrated()
    return str(machine.migration()["status"])


def with_dirty_bitmap(machine: Machine, fixture: Fixture, path: Path) -> str:
    """Save a guest whose disk `disk0` has a dirty bitmap."""
    machine.qmp("block-dirty-bitmap-add", node="disk0", name="bitmap0")
    return completed(machine, fixture, path)


def failed(machine: Machine, fixture: Fixture, path: Path) -> str:
    """Try a save that QEMU cannot finish, and keep the partial file."""
    start_save(machine, fixture, path)
    with suppress(MigrationFailedError):
        machine.wait_migrated()
    return str(machine.migration()["status"])


def devices_only(machine: Machine, _: Fixture, path: Path) -> str:
    """Save the devices without memory, as for Xen's tools; QEMU can also do it with TCG."""
    machine.qmp("xen-save-devices-state", filename=str(path), live=True)
    return "completed"


def killed(machine: Machine, fixture: Fixture, path: Path) -> str:
    """Kill QEMU when a part of the pages is in the file."""
    start_save(machine, fixture, path)
    machine.wait_until(lambda: path.stat().st_blocks * 512 >= 64 * KIB, "pages on disk")
    machine.kill()
    return "killed"


def start_save(machine: Machine, fixture: Fixture, path: Path) -> None:
    """Start to write the file, behind `LEADING` if there is an offset."""
    path.write_bytes(LEADING * fixture.offset)
    machine.start_save(
        path,
        offset=fixture.offset,
        capabilities=fixture.capabilities,
        parameters=fixture.parameters,
        uri=f"exec:cat >{shlex.quote(str(path))}" if fixture.beside == OLDER else None,
    )
