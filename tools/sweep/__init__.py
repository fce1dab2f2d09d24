"""Save with a real QEMU in every possible way, load with the same QEMU, and judge with `check`.

A file that a QEMU writes and loads with the right memory is not corrupt: a rule that reports it is
wrong. Files that no QEMU writes belong in `tools/campaign`.
"""
