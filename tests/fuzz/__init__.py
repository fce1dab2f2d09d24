"""Tests of `mappedram.fuzz` and `mappedram.strategies`: generators, defects, targets, runs.

Tests of rules on files of a real QEMU belong in `tests/check`.
"""
