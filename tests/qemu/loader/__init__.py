"""Tests of the model of QEMU's loader: alone, against recorded results, and against a QEMU.

Tests of findings that follow from the model belong in `tests/check`.
"""
