"""Tests of `mappedram.stream`: files as values, and back.

Whether the values are right belongs in `tests/check`.
"""
