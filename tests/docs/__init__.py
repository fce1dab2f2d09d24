"""Tests of the site: pages are complete, links work, and commands print what the pages show.

The examples in other languages belong in `tests/conformance`, which can build them.
"""
