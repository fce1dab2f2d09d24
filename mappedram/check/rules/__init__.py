"""The rules, one module for each part of a file that they look at. Importing them registers them.

>>> from mappedram.check.registry import RULES
>>> RULES["MR204"].summary
"""

from mappedram.check.rules import (
    bitmaps,
    blocks,
    capabilities,
    commands,
    configuration,
    description,
    ending,
    envelope,
    extents,
    fields,
    header,
    identity,
    libvirt,
    loading,
    offsets,
    order,
    sections,
)

__all__ = [
    "bitmaps",
    "blocks",
    "capabilities",
    "commands",
    "configuration",
    "description",
    "ending",
    "envelope",
    "extents",
    "fields",
    "header",
    "identity",
    "libvirt",
    "loading",
    "offsets",
    "order",
    "sections",
]
