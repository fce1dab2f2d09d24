"""Parsers in other languages read every file as Construct does.

`drivers` has a program for each language, `vectors` the files, and `toolchains` says how each
program is built. Tests of the Python declarations alone belong in `tests/format`.
"""
