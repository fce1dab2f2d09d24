"""Tests of `mappedram.repair`: files with one known defect are restored.

Finding the damage belongs in `tests/check`.
"""
