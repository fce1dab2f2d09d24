"""Tests of `mappedram.check`: every rule fires on one file and is silent on its neighbour.

`cases` says which fixture each change of `mappedram.fuzz.defects.changes` is made to, and which
fixtures break a rule as they are. The changes themselves belong in the catalogue.
"""
