"""Tests of `mappedram.guest`: what a snapshot says of its guest.

Registers in ELF notes are tested with the exports, in `tests/export`.
"""
