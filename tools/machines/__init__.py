"""The machine types of each release of QEMU: `python -m tools.machines`.

Reading QEMU's source and asking its emulators belongs here. The table that results is
`mappedram/qemu/loader/_machines.py`.
"""
