"""Tests of `mappedram.diff`: two snapshots compared, and the verb `diff`.

Comparing a file with what another parser reads belongs in `tests/conformance`.
"""
