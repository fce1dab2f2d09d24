"""Tests of `mappedram.fleet`: nothing is lost, whatever happens to a file or a process.

Tests of what the verbs print belong in `tests/cli`.
"""
