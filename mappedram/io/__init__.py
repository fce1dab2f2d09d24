"""Bytes in and out: files, devices, memory, holes, copies, staged outputs, metadumps.

Every access to a file goes through this room; `system` makes all system calls and interprets their
results. The meaning of the bytes belongs in `format` and `stream`. One exception: the container of
a metadump, our own format, is parsed here, so that a metadump reads like the original file.

Imports: errors, json_types, format.
"""
