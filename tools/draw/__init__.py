"""Draw fuzzing cases by the million, to see that no generator raises.

`kinds` lists what can be drawn, `tally` draws and counts, `pythons` does it in other Pythons,
`ledger` keeps what was drawn, and `document` tells of it. The generators belong in
`mappedram/fuzz`.
"""
