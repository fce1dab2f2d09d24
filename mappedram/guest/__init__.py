"""The guest: its machine type, CPUs and physical memory, and how to restore it.

Everything here follows from the stream and from facts about QEMU's machine types. Writing guest
memory to a file belongs in `export`, and running QEMU in `qemu`.

Imports: errors, printable, json_types, format, io, stream.
"""
