"""Tests of `capture`: snapshots of a running guest.

Committed snapshots belong in `tests/fixtures`; `tools/qemu` makes them.
"""
