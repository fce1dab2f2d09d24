"""What QEMU does: a model of its loader for each release, and ways to run a real QEMU.

`loader` is the model. It shares no parser with the reader, so that both cannot be wrong in the same
way. `run` loads a file into a real QEMU, and `capture` takes a snapshot of a running guest. Whether
a file is right belongs in `check`.

Imports: errors, json_types, format, io, stream.
"""
