"""Generate files to try parsers on, and run programs on them.

`generate` draws sound snapshots, `defects` breaks one rule of them, and `mutate` changes fields.
`cases` takes the three in turn, for a corpus and for `run`, which tries them on `targets` and
reduces what fails (`minimise`, `report`). `derived` holds Hypothesis strategies that follow from
the declarations; users import `mappedram.strategies`. The rules themselves belong in `check`.

Imports: errors, json_types, printable, format, io, stream, qemu, check, export.
"""
