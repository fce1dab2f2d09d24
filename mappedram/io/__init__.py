"""Bytes in and out: files, devices, memory, holes, copies, staged outputs, metadumps.

Every access to a file goes through this room; `system` makes all system calls and interprets their
results. The meaning of the bytes belongs in `format` and `stream`. Two exceptions, which read like
the file in them: the container of a metadump, our own format, and the clusters of a disk image.

Imports: errors, json_types, format.
"""
