"""Tests of the model of QEMU's loader: alone, against recorded results, and against a QEMU.

Findings that follow from the model belong in `tests/check`.
"""
