"""The machine types of each release of QEMU: `python -m tools.machines`.

Reading QEMU's source and querying its emulators belongs here. The resulting table is
`mappedram/qemu/loader/_machines.py`.
"""
