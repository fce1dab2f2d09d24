"""Tests of the declarations: Construct and Kaitai agree, fields are bounded, files are rebuilt.

Parsers in other languages belong in `tests/conformance`.
"""
