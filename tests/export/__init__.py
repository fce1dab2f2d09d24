"""Tests of `mappedram.export`, read back with parsers of other projects.

Programs that need a real Linux guest belong in `consumers`.
"""
