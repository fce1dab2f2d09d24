"""Tests of `mappedram.io`: sources, holes, copies and outputs.

Answers of the system have a folder of their own, `system`.
"""
