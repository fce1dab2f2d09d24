"""Formats of other programs, declared as ours is: ELF cores, CPU notes, LiME, signatures.

Only the layout of bytes belongs here. Which values go into a note belongs in `guest/cpu`, and
writing a file in `export`.
"""
