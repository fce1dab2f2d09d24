"""Tests of libvirt's save images: reading, rules, writing, and a real libvirt.

Tests of the stream inside belong in `tests/stream/reader`.
"""
