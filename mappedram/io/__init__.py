"""Bytes in and out: files and devices, holes, copies, staged outputs, packed files.

`system` makes all system calls and knows what each answer means. What bytes mean is for others,
but for our own container of a metadump, which is read here as the file that it was made of.

Imports: errors, format.
"""
