"""The file format: declarations in Construct, and the parsers that Kaitai Struct generates.

Structures belong here: their fields, order, constants, documentation, and permitted values. `file`
declares a whole stream, `drivers` parse and build single structures with either library, and
`foreign` declares formats of other programs. Opening a file belongs in `io`, following a stream in
`stream`, and judging it in `check`.

Imports: errors.
"""

from mappedram.format.elements import ELEMENTS, RECORDS

__all__ = ["ELEMENTS", "RECORDS"]
