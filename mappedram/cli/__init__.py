"""The command `mappedram`: one module per verb. The only room that prints or exits.

A verb parses its options, calls a function of another room, and prints the result. Code that a
Python program could use belongs in that other room.

Imports: errors, json_types, printable, sizes, version, format, io, stream, guest, qemu, check,
diff, repair, export, fleet, fuzz, view, html.
"""
