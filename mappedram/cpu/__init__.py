"""Registers of CPUs, from the state of devices, as notes of an ELF core."""

from mappedram.cpu.architecture import Architecture, architecture_of
from mappedram.cpu.note import Note
from mappedram.cpu.notes import CpuNotes, cpu_notes

__all__ = ["Architecture", "CpuNotes", "Note", "architecture_of", "cpu_notes"]
