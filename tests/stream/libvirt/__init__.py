"""Tests of save images of libvirt: reading, rules, writing, and a real libvirt.

The stream inside is tested in `tests/stream`.
"""
