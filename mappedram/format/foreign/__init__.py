"""Formats of other programs, declared as ours is: ELF cores, CPU notes, LiME, signatures."""
