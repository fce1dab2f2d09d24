"""Tests of what is built for users: contents of the archives, installing, types.

Building a release belongs in `tools/package`.
"""
