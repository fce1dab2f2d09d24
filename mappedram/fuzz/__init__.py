"""Generate files to test parsers with, and run programs on them.

`generate` draws sound snapshots, `defects` breaks one rule in them, and `mutate` changes fields.
`cases` alternates between the three, for a corpus and for `run`, which tries them on `targets` and
minimises failures (`minimise`, `report`). `derived` holds Hypothesis strategies that follow from
the declarations; users import `mappedram.strategies`. The rules themselves belong in `check`.

Imports: errors, json_types, printable, format, io, stream, qemu, check, export.
"""
