"""Save a real QEMU with each device in turn, run what `restore-hint` prints, and see it load.

The result is `results.json` and a table in the docs. Devices that no fixture has are tried here;
the ways to save one machine belong in `tools/sweep`.
"""
