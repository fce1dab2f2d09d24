"""Draw fuzzing cases by the million, to see that no generator raises.

`kinds` lists what can be drawn, `tally` draws and counts, and `pythons` does it in other Pythons.
The generators belong in `mappedram/fuzz`.
"""
