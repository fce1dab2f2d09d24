"""Tests of `mappedram.check`: every rule fires on one file and is silent on its neighbour.

`cases` has the one change to a real file that makes each rule fire. Defects of generated files
belong in `mappedram/fuzz/defects`.
"""
