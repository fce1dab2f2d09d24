"""What two snapshots differ in: headers, RAM blocks, pages, sections, fields of devices.

What the guest has counts, not how the file keeps it: offsets, alignment, and whether a page of
zeros is stored are no differences.

>>> from mappedram.diff import compare
>>> with mappedram.open("before") as a, mappedram.open("after") as b:
...     for field in compare(a, b).fields:
...         print(field.idstr, field.path, field.a, field.b)

Imports: errors, format, io, stream.
"""

from mappedram.diff.compare import compare
from mappedram.diff.differences import (
    BlockDifference,
    Comparison,
    FieldDifference,
    FieldUnknown,
    HeaderDifference,
    PageDifferences,
    SectionDifference,
    Side,
)
from mappedram.diff.pages import compare_pages

__all__ = [
    "BlockDifference",
    "Comparison",
    "FieldDifference",
    "FieldUnknown",
    "HeaderDifference",
    "PageDifferences",
    "SectionDifference",
    "Side",
    "compare",
    "compare_pages",
]
