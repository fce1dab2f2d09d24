"""Tests of `capture`: snapshots of a guest that runs here and now.

Snapshots that were made beforehand are the fixtures, by `tools/qemu`.
"""
