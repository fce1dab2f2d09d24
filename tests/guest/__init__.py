"""Tests of `mappedram.guest`: facts about the guest of a snapshot.

Registers in ELF notes belong in `tests/export`, where whole cores are read.
"""
