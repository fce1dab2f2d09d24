"""The file format: declarations in Construct, and the parsers that Kaitai Struct generates.

Structures belong here: their order, constants, documentation, and what each field may hold. `file`
declares a whole stream, `drivers` parse and build single structures by either declaration, and
`foreign` declares formats of other programs. Opening a file belongs in `io`, following a stream in
`stream`, and judging it in `check`.

Imports: errors.
"""

from mappedram.format.elements import ELEMENTS, RECORDS

__all__ = ["ELEMENTS", "RECORDS"]
