"""Tests of `mappedram.diff`: comparing two snapshots, and the verb `diff`.

Comparing a file with the reading of another parser belongs in `tests/conformance`.
"""
