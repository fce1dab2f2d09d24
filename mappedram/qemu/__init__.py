"""A model of QEMU's loader for each release, and tools that run a real QEMU.

`loader` is the model. It shares no parser with the reader, so that one mistake cannot be in both.
`run` loads a file into a real QEMU, and `capture` takes a snapshot of a running guest. Judging a
file belongs in `check`.

Imports: errors, json_types, format, io, stream.
"""
