"""Compare two snapshots: headers, RAM blocks, pages, sections, fields of devices.

Only the state of the guest counts. How a file stores it makes no difference: offsets, alignment,
and whether a zero page is stored. Printing a comparison belongs in `cli`.

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
