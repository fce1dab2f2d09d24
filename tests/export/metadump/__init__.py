"""Tests of metadumps: what is kept, that secrets are not, and damaged ones.

Reading files that do not tell everything, whatever the reason, belongs in `tests/unknown`.
"""
