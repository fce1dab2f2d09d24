"""The notes of all CPUs of a snapshot."""

from dataclasses import dataclass

from mappedram.format.foreign.elf import Encoding
from mappedram.guest.cpu.architecture import Architecture, architecture_of
from mappedram.guest.cpu.note import Note, NoteContext
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
        encoding: how QEMU encodes the core of this guest.
        notes: in the order in which QEMU's `dump-guest-memory` writes them.
        problems: CPUs left out, and the reasons, as sentences.
    """

    architecture: Architecture | None
    encoding: Encoding
    notes: tuple[Note, ...]
    problems: tuple[str, ...]


def cpu_notes(
    stream: Stream, state: DeviceStates, vector_lengths: tuple[int, ...] | None = None
) -> CpuNotes:
    """Make the notes of all CPUs with readable registers.

    They equal those of QEMU's `dump-guest-memory` byte by byte. Source: QEMU dump/dump.c,
    write_elf64_notes().

    Args:
        stream: the stream, which names the machine.
        state: its devices, among them the CPUs.
        vector_lengths: lengths in bits that the vector registers of an ARM CPU can have, which the
            file does not record.

    Raises:
        UnsupportedError: no notes are known for the guest's architecture.
    """
    cpus = [Registers(device) for device in state if device.idstr == _SECTION]
    architecture = architecture_of(stream, cpus)
    if state.problem or not cpus:
        problem = f"no registers: {state.problem or 'the file has no CPU sections'}"
        return CpuNotes(architecture, _encoding(architecture, stream, cpus), (), (problem,))
    if architecture is None:
        problem = "no registers: the CPU sections are of an unknown architecture"
        return CpuNotes(None, Encoding(), (), (problem,))
    encoding = _encoding(architecture, stream, cpus)
    made, problems = [], []
    for registers in cpus:
        context = NoteContext(registers.instance_id + 1, encoding, vector_lengths)
        try:
            made.append(architecture.notes(registers, context))
            lacking = architecture.lacking(registers, context)
        except UnknownRegisterError as error:
            problems.append(f"no registers of CPU {registers.instance_id}: {error}")
        else:
            problems += [f"CPU {registers.instance_id}: no {lacking}"] if lacking else []
    if architecture.grouped:
        made = list(zip(*made, strict=True))
    notes = tuple(note for notes in made for note in notes)
    return CpuNotes(architecture, encoding, notes, tuple(problems))


def _encoding(architecture: Architecture | None, stream: Stream, cpus: list[Registers]) -> Encoding:
    return architecture.encoding(stream, cpus) if architecture else Encoding()
