"""Metadumps: structure and device state of a snapshot without the guest's secrets.

`policy` lists the device fields to keep or leave out. A byte is copied only if the reader knows its
structure. Reading a metadump belongs in `io/metadump`.

>>> from mappedram.export.metadump import Options, plan, write_packed
>>> with open_source("guest.mapped-ram") as source:
...     write_packed(plan(source, 0, Options()), fd, about={})
"""

from mappedram.export.metadump.pages import key_of
from mappedram.export.metadump.plan import MetadumpPlan, Options, plan
from mappedram.export.metadump.policy import ENTRIES, Policy
from mappedram.export.metadump.write import (
    WrittenMetadump,
    summary_of,
    write_packed,
    write_unpacked,
)

__all__ = [
    "ENTRIES",
    "MetadumpPlan",
    "Options",
    "Policy",
    "WrittenMetadump",
    "key_of",
    "plan",
    "summary_of",
    "write_packed",
    "write_unpacked",
]
