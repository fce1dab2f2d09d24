"""Tests of `mappedram.qemu`, most of them with a real QEMU.

A test with a QEMU for another room belongs to that room, and has the marker `qemu`.
"""
