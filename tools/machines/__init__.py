"""The machine types of each release of QEMU: `python -m tools.machines`."""
