"""Tests of the site: pages are complete, links lead somewhere, commands print what is shown.

The examples in other languages belong in `tests/conformance`, which can build them.
"""
