"""Hypothesis strategies that follow from the declarations: structures, and whole files.

They need `mappedram[fuzz]`. They draw the bounds of every field, and names, boundaries and orders
that no writer uses. `mappedram.strategies` draws many files with pages faster. The values that a
field may hold belong in `format`.
"""

from mappedram.fuzz.derived.files import DerivedFile, files
from mappedram.fuzz.derived.structures import DerivedRecord, broken_records, records

__all__ = ["DerivedFile", "DerivedRecord", "broken_records", "files", "records"]
