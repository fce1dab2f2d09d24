"""Tests of the HTML page, parsed and in a browser.

Tests of code that the page shares with the text output belong in `tests/cli`.
"""
