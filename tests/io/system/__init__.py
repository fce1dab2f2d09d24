"""Every answer that the system can give, made up and on real file systems and devices.

Only answers to system calls belong here; `faults` puts them in the place of the real ones.
"""
