"""Registers of CPUs, from the state of devices, as notes of an ELF core."""

from mappedram.guest.cpu.architecture import Architecture, architecture_of
from mappedram.guest.cpu.note import Note
from mappedram.guest.cpu.notes import CpuNotes, cpu_notes

__all__ = ["Architecture", "CpuNotes", "Note", "architecture_of", "cpu_notes"]
