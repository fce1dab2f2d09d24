"""The rules, one module for each part of a file. Importing them registers them.

A rule about one field is declared with the field in `format`, and has its message here. A rule
about several structures is a function here that finds the defects itself. Repairing a defect
belongs in `repair`.

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
