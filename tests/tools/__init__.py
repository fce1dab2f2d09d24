"""Tests of the tools that set up, run and verify the tests.

Tests of `tools/docs` belong in `tests/docs`, and those of `tools/generate` in `tests/format` and
`tests/conformance`.
"""
