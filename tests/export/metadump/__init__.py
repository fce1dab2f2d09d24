"""Tests of metadumps: kept parts, secrets left out, and damaged metadumps.

Reading files with unknown parts of any origin belongs in `tests/unknown`.
"""
