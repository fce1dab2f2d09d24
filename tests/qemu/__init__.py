"""Tests of `mappedram.qemu`, most of them with a real QEMU.

A test with a QEMU for another room stands with that room and has the marker `qemu`.
"""
