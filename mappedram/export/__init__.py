"""A snapshot in other forms, or for other programs; one module or folder for each target.

What a target asks of the guest, such as registers, comes from `guest`. Whether the file is right
is not asked here, except for what a metadump must keep so that `check` says the same of it.

Imports: errors, sizes, format, io, stream, guest, check.
"""
