"""What text and HTML share: names, sizes, fields and regions as people read them.

Whoever prints or makes a page takes it from here. Nothing is printed here.

Imports: errors, printable, format, stream, check.
"""
