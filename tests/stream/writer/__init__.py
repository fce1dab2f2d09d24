"""Tests of the writer: plans, envelopes, and files that a QEMU loads.

Converting whole files belongs in `tests/export`.
"""
