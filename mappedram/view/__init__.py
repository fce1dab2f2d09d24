"""What text, HTML and JSON share: names, sizes, fields and regions as people read them.

Code belongs here if two kinds of output need it. Printing belongs in `cli`, and HTML in `html`.

Imports: errors, printable, format, stream, check.
"""
