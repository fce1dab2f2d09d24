"""Save with a real QEMU in every way there is, load with the same QEMU, and see what `check` says.

What a QEMU writes and the same QEMU loads with the right memory is not corrupt: a rule that says so
is wrong. Files that no QEMU writes belong in `tools/campaign`.
"""
