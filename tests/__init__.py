"""The tests of mappedram: folders mirror the rooms of the package.

Shared fixtures belong in `conftest.py`, files of a real QEMU in `fixtures/`. `test_structure.py`
tests properties of the whole package. Tests of several rooms together have folders of their own:
`conformance`, `hostile`, `unknown`, `packaging`, `docs`, `tools`.
"""
