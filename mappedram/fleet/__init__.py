"""Work on many snapshots: on a pool of processes of this machine, or on a Dask cluster.

A job (`checking`, `describing`, `searching`) turns one file into one line of JSON. An engine
(`local`, `cluster`) runs it on many files, so that a file that crashes, hangs or exhausts memory
costs its own line only. The work on a single file belongs in `check`, `view` and `guest`.

Imports: errors, json_types, version, io, stream, guest, qemu,
check, view.
"""
