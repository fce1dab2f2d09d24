"""Build the package for a release, and prove that it can be installed and used.

The tests of the built archives belong in `tests/packaging`.
"""
