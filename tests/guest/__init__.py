"""Tests of `mappedram.guest`: what a snapshot says of its guest.

Registers in ELF notes belong in `tests/export`, where whole cores are read.
"""
