"""The guest's physical address space: which block, and which byte of the file, answers it."""

from mappedram.physical.model import PhysicalMap, Range

__all__ = ["PhysicalMap", "Range"]
