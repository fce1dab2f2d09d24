"""What QEMU does: a model of its loader by release, a QEMU that is run, one that is asked.

`loader` is a twin of QEMU's loader and shares no parser with the reader; `run` gives a file to a
real QEMU, `capture` takes a snapshot through one. No verdict is given here.

Imports: errors, format, io, stream.
"""
