"""Stopped guests of a real QEMU, with QEMU's own answers about them."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.files import patch
from tests.qemu.test_fresh import binary
from tools.qemu import Machine, pattern
from tools.qemu.long_mode import STOP, long_mode
from tools.qemu.machine import MAPPED_RAM

MIB = 1 << 20
#: Pages of the pattern, outside the memory of firmware, with the first and last page of RAM and a
#: run that crosses 4 GiB.
RUNS = ((0, 1), (16, 24), (63, 66), (512, 576), (8190, 8194))


@dataclass(frozen=True)
class Guest:
    """Configuration of a PC.

    Attributes:
        machine: machine type with its options, without the memory.
        cpus: number of CPUs.
        size: MiB of memory.
        firmware: run the firmware that switches to long mode; otherwise the guest never runs.
        more: further arguments.
        share: whether its memory is shared, `on` or `off`.
        arch: target of the emulator.
    """

    machine: str
    cpus: int = 1
    size: int = 64
    firmware: bool = True
    more: str = ""
    share: str = "off"
    arch: str = "x86_64"


@contextmanager
def stopped(
    guest: Guest, directory: Path, contents: Mapping[int, bytes] = MappingProxyType({})
) -> Iterator[Machine]:
    """The guest after all its CPUs have halted; `contents` are in RAM, by offset."""
    pages = guest.size * MIB // 4096
    runs = [run for run in (*RUNS, (pages - 1, pages)) if run[1] <= pages]
    pattern.fill(directory / "ram", guest.size * MIB, 4096, runs, pattern.seed(b"RAM0"))
    for offset, data in contents.items():
        patch(directory / "ram", offset, data)
    with Machine(binary(guest.arch), _arguments(guest, directory)) as machine:
        if guest.firmware:
            machine.qmp("cont")
            machine.wait_until(lambda: _halted(machine) == guest.cpus, "long mode")
            machine.qmp("stop")
        yield machine


@contextmanager
def loaded(guest: Guest, directory: Path, snapshot: Path) -> Iterator[Machine]:
    """A stopped guest that has loaded the snapshot."""
    with Machine(binary(guest.arch), _arguments(guest, directory), incoming=True) as machine:
        machine.load(snapshot)
        yield machine


def _arguments(guest: Guest, directory: Path) -> list[str]:
    (directory / "long-mode.bin").write_bytes(long_mode())
    return shlex.split(
        f"-accel tcg -machine {guest.machine},memory-backend=pc.ram -m {guest.size}M"
        f" -object memory-backend-file,id=pc.ram,size={guest.size}M,share={guest.share},"
        f"mem-path={directory}/ram -smp {guest.cpus} -vga none"
        f" -bios {directory}/long-mode.bin {guest.more}"
    )


def _halted(machine: Machine) -> int:
    """Number of halted CPUs."""
    registers = machine.hmp("info registers -a").splitlines()
    return sum(line.startswith(f"RIP={STOP:016x}") and "HLT=1" in line for line in registers)


def dump_and_save(
    machine: Machine, dump: Path, path: Path, capabilities: Sequence[str] = MAPPED_RAM
) -> None:
    """Let QEMU write its own dump, and then the snapshot, of the same state."""
    machine.qmp("dump-guest-memory", paging=False, protocol=f"file:{dump}")
    machine.save(path, capabilities=capabilities)
