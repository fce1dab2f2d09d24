"""Parsers in other languages read every file as Construct does.

`drivers` has a program for each language, `vectors` the files, and `toolchains` the build of each
program. Tests of the Python declarations alone belong in `tests/format`.
"""
