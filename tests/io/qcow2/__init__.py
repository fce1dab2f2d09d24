"""Tests of `mappedram.io.qcow2`.

Reading the stream in a VM state belongs in `tests/stream` and `tests/qemu`.
"""
