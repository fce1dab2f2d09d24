"""Hypothesis strategies that follow from the declarations: structures, and whole files.

They need `mappedram[fuzz]`. They try the bounds of every field, and names, boundaries and orders
that no writer has. Files by the thousand, with pages in them, come faster from
`mappedram.strategies`. What a field may hold belongs in `format`.
"""

from mappedram.fuzz.derived.files import DerivedFile, files
from mappedram.fuzz.derived.structures import DerivedRecord, broken_records, records

__all__ = ["DerivedFile", "DerivedRecord", "broken_records", "files", "records"]
