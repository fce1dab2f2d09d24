"""Tests of `restore-hint`: the commands for fixtures, which a QEMU then executes.

Loading files without the hint belongs in `tests/qemu`.
"""
