"""Names, sizes, fields and regions in the form that text, HTML and JSON share.

Code belongs here if two kinds of output need it. Printing belongs in `cli`, and HTML in `html`.

Imports: errors, json_types, printable, format, io, stream, check.
"""
