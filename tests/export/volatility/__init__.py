"""Tests of the layer for Volatility 3, with and without Volatility installed.

Tests of plugins on a real Linux belong in `tests/export/consumers`.
"""
