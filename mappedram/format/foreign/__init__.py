"""Formats of other programs, declared like our own: ELF cores, CPU notes, LiME, signatures.

Only the layout of bytes belongs here. The values of a note belong in `guest/cpu`, and writing a
file in `export`.
"""
