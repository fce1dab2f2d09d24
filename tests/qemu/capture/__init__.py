"""Tests of `capture`: snapshots of a guest that runs here and now.

Snapshots that are made once and committed belong in `tests/fixtures`; `tools/qemu` makes them.
"""
