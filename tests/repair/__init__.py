"""Tests of `mappedram.repair`: files damaged in one known way are as before.

Finding the damage belongs in `tests/check`.
"""
