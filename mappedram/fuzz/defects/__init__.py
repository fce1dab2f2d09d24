"""The catalogue of defects: for every rule of `mappedram.check`, ways to break only that one.

The modules here draw a sound file and break it; `changes` are single changes to any file, also one
of a real QEMU; `exceptions` lists the rules that cannot be broken alone. What a rule says of the
result belongs in `check`.

>>> from random import Random
>>> from mappedram.fuzz.defects import CATALOGUE
>>> breakage = CATALOGUE["MR204"][0]
>>> file = breakage.file(Random(1))
"""

# Importing a module of defects registers them.
from mappedram.fuzz.defects import (  # noqa: F401
    bitmaps,
    blocks,
    envelope,
    extents,
    header,
    libvirt,
    sections,
)
from mappedram.fuzz.defects.exceptions import ALIGNMENT_NOTE, NOT_ALONE, NOT_BY_A_FILE
from mappedram.fuzz.defects.registry import BASE, CATALOGUE, Breakage

__all__ = ["ALIGNMENT_NOTE", "BASE", "CATALOGUE", "NOT_ALONE", "NOT_BY_A_FILE", "Breakage"]
