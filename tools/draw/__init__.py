"""Draw fuzzing cases by the million, to verify that no generator raises.

`kinds` lists the kinds of cases, `tally` draws and counts, `pythons` does it in other Pythons,
`ledger` records drawn cases, and `document` reports them. The generators belong in
`mappedram/fuzz`.
"""
