"""Tests of `mappedram.check`."""
