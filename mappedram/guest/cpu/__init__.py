"""CPU registers from the device state, as notes of an ELF core.

Each architecture has a module that maps QEMU's fields to registers. The byte layout of a note
belongs in `format/foreign`, and the core file in `export/elf`.
"""

from mappedram.guest.cpu.architecture import Architecture, architecture_of
from mappedram.guest.cpu.note import Note
from mappedram.guest.cpu.notes import CpuNotes, cpu_notes

__all__ = ["Architecture", "CpuNotes", "Note", "architecture_of", "cpu_notes"]
