"""Files to try parsers on: sound ones, ones with one defect, wild ones; and what finds defects.

`generate` draws sound snapshots, `defects` breaks one rule of them, `mutate` changes fields;
`cases` puts all three in turn, for a `corpus` and for `run`, which tries them on `targets` and
makes what fails plain (`minimise`, `report`). For Hypothesis there is `mappedram.strategies`, and
`derived`, whose strategies follow from the declarations.

Imports: errors, printable, format, io, stream, qemu, check, export.
"""
