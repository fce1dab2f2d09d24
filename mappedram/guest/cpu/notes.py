"""The notes of all CPUs of a snapshot."""

from dataclasses import dataclass

from mappedram.guest.cpu.architecture import Architecture, architecture_of
from mappedram.guest.cpu.note import Note
from mappedram.guest.cpu.registers import Registers, UnknownRegisterError
from mappedram.stream.model import Stream
from mappedram.stream.vmstate import DeviceStates

#: QEMU's name of the section of a CPU; the same for all architectures here.
_SECTION = "cpu"


@dataclass(frozen=True, slots=True)
class CpuNotes:
    """CPU notes of a snapshot.

    Attributes:
        architecture: of the guest; None if unknown.
        notes: in the order in which QEMU's `dump-guest-memory` writes them.
        problems: CPUs left out, and the reasons, as sentences.
    """

    architecture: Architecture | None
    notes: tuple[Note, ...]
    problems: tuple[str, ...]


def cpu_notes(stream: Stream, state: DeviceStates) -> CpuNotes:
    """Make the notes of all CPUs with readable registers.

    They equal those of QEMU's `dump-guest-memory` byte by byte. Source: QEMU dump/dump.c,
    write_elf64_notes().

    Raises:
        UnsupportedError: no notes are known for the guest's architecture.
    """
    cpus = [Registers(device) for device in state if device.idstr == _SECTION]
    architecture = architecture_of(stream, cpus)
    make = architecture.notes if architecture else None
    problems = []
    if state.problem or not cpus:
        problems.append(f"no registers: {state.problem or 'the file has no section of a CPU'}")
        make = None
    elif architecture is None:
        problems.append("no registers: the sections of the CPUs are of no known architecture")
    elif make is None:
        problems.append(f"no registers: no notes are written for CPUs of {architecture.name}")
    made = []
    for registers in cpus if make else ():
        assert make is not None
        try:
            made.append(make(registers, registers.instance_id + 1))
        except UnknownRegisterError as error:
            problems.append(f"no registers of CPU {registers.instance_id}: {error}")
    if architecture and architecture.grouped:
        made = list(zip(*made, strict=True))
    return CpuNotes(architecture, tuple(note for notes in made for note in notes), tuple(problems))
