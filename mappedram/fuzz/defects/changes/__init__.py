"""Changes that break a rule in one place of a file that QEMU wrote.

A change says where `check` finds it, and finds by name what it changes: devices and blocks that a
PC has, mostly. Which files they are tried on belongs in `tests/check/cases.py`. Files that are
drawn with a defect belong in the folder above, which takes the same changes from here.
"""

# Importing a module of changes registers them.
from mappedram.fuzz.defects.changes import (  # noqa: F401
    bitmaps,
    blocks,
    configuration,
    description,
    envelope,
    extents,
    header,
    sections,
)
from mappedram.fuzz.defects.changes.registry import CHANGES, Change, FileChange

__all__ = ["CHANGES", "Change", "FileChange"]
