"""Write a snapshot in another form or for another program: one module or folder per target.

What a target asks of the guest, such as registers, belongs in `guest`, and the layout of a foreign
format in `format/foreign`. Nothing here judges a file, but a metadump has to keep whatever lets
`check` say the same of it.

Imports: errors, json_types, sizes, format, io, stream, guest, check.
"""
