"""Write a snapshot in another form or for another program: one module or folder per target.

Data about the guest that a target needs, such as registers, belongs in `guest`, and the layout of a
foreign format in `format/foreign`. Nothing here judges a file, but a metadump must keep everything
that `check` needs for the same findings.

Imports: errors, json_types, sizes, format, io, stream, guest, check.
"""
