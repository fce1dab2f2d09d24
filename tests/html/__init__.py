"""Tests of the HTML page, parsed and in a browser.

What the page shares with the text output belongs in `tests/cli`.
"""
