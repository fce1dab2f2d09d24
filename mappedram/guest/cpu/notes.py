"""The notes of all CPUs of a snapshot."""

from dataclasses import dataclass

from mappedram.guest.cpu.architecture import Architecture, architecture_of
from mappedram.guest.cpu.note import Note
from mappedram.guest.cpu.registers import Registers, UnknownRegisterError
from mappedram.stream.model import Stream
from mappedram.stream.vmstate import DeviceStates

#: What QEMU calls the section of a CPU, of all architectures here.
_SECTION = "cpu"


@dataclass(frozen=True, slots=True)
class CpuNotes:
    """What is known of the CPUs.

    Attributes:
        architecture: of the guest; None where nothing tells it.
        notes: in the order in which QEMU's `dump-guest-memory` writes them.
        problems: what is left out, and why, in words.
    """

    architecture: Architecture | None
    notes: tuple[Note, ...]
    problems: tuple[str, ...]


def cpu_notes(stream: Stream, state: DeviceStates) -> CpuNotes:
    """The notes of all CPUs whose registers can be read.

    They are those of QEMU's `dump-guest-memory`, to the byte. Source: QEMU dump/dump.c,
    write_elf64_notes().

    Raises:
        UnsupportedError: the guest is of an architecture of which no notes are known.
    """
    cpus = [Registers(device) for device in state if device.idstr == _SECTION]
    architecture = architecture_of(stream, cpus)
    make = architecture.notes if architecture else None
    problems = []
    if state.problem or not cpus:
        problems.append(f"no registers: {state.problem or 'the file has no CPU sections'}")
        make = None
    elif architecture is None:
        problems.append("no registers: the CPU sections are of an unknown architecture")
    elif make is None:
        problems.append(f"no registers: notes for {architecture.name} CPUs are not supported")
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
