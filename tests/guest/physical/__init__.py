"""Tests of the map of physical memory, and of reading and searching through it.

Exports by physical address belong in `tests/export`.
"""
