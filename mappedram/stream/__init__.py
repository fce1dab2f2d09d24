"""A file as Python values: headers, bitmaps, pages, device state, and libvirt's save image.

`reader` parses a file, `writer` builds one, and `snapshot` joins an open file with its memory.
Facts about the guest belong in `guest`, the behaviour of QEMU in `qemu`, and judging a file in
`check`.

Imports: errors, printable, json_types, format, io.
"""
