"""Tests of device state: types, lists, real devices, hostile descriptions.

Comparing the state of two snapshots belongs in `tests/diff`.
"""
