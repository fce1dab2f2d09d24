"""Every result of a system call, simulated and on real file systems and devices.

Only results of system calls belong here; `faults` simulates them.
"""
