"""Tests of `restore-hint`: the commands for fixtures, and that a QEMU loads by them.

Loading files without the hint belongs in `tests/qemu`.
"""
