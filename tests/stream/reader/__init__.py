"""Tests of the reader, also against a second reader that shares no code with it.

Parsers in other languages belong in `tests/conformance`.
"""
