"""Bytes in and out: files and devices, holes, copies, staged outputs, metadumps.

Every access to a file goes through this room; `system` makes all system calls and decides what each
answer means. What the bytes mean belongs in `format` and `stream`. The exception is the container
of a metadump, our own format, which is read here as the file that it was made of.

Imports: errors, json_types, format.
"""
