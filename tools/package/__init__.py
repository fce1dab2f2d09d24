"""Build the package for a release, and prove that it can be installed and used.

The tests of what is built belong in `tests/packaging`.
"""
