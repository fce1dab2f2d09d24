"""Tests of `mappedram.fuzz` and `mappedram.strategies`."""
