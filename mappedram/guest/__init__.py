"""What the guest is: its machine, CPUs and physical memory, and how it is restored.

All of it is told from the stream and from facts about QEMU's machines. Nothing is written here.

Imports: errors, format, io, stream.
"""
