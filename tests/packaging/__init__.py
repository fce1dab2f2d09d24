"""Tests of the released archives: contents, installation, types.

Building a release belongs in `tools/package`.
"""
