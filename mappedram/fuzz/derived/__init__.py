"""Hypothesis strategies that follow from the declarations: single structures, and whole files.

Needs `mappedram[fuzz]`. For files by the thousand, with pages in them, `mappedram.strategies` is
faster; these here try the borders of everything, and names, boundaries and orders that no writer
has.
"""

from mappedram.fuzz.derived.files import File, files
from mappedram.fuzz.derived.structures import Record, broken_records, records

__all__ = ["File", "Record", "broken_records", "files", "records"]
