"""Compare two snapshots: headers, RAM blocks, pages, sections, fields of devices.

Only the state of the guest counts. How a file stores it makes no difference: offsets, alignment,
and whether a zero page is stored. Printing a comparison belongs in `cli`.

>>> for field in mappedram.diff("before", "after").fields:
...     print(field.idstr, field.path, field.a, field.b)

Imports: callable_module, errors, printable, format, io, stream.
"""

from mappedram.callable_module import make_callable
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
from mappedram.diff.files import diff
from mappedram.diff.pages import compare_pages

make_callable(__name__)

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
    "diff",
]
