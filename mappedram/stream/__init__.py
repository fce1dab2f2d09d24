"""A file as values: headers, bitmaps, pages, device state, and the save image of libvirt.

`reader` follows a file, `writer` makes one, `snapshot` puts an open file and its memory together.
What the guest is, what QEMU does with a file, and whether it is right, is for rooms above.

Imports: errors, format, io.
"""
