"""Tests of the site: pages are complete, links lead somewhere, commands print what is shown.

The examples of other languages are run in `tests/conformance`.
"""
