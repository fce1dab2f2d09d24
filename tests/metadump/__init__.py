"""Tests of metadumps."""
