"""Tests of `mappedram.export`, read back with parsers of other projects.

Tests of programs that need a real Linux guest belong in `consumers`.
"""
