"""Tests of `mappedram.io`: sources, holes, copies and outputs.

Errors and odd results of system calls belong in the folder `system`.
"""
