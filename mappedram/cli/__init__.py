"""The command `mappedram`: one module per verb. The only place that prints or exits.

A verb parses its options, calls a function of another room, and shows what comes back.

Imports: errors, printable, sizes, version, format, io, stream, guest, qemu, check, diff, repair,
export, fuzz, view, html.
"""
