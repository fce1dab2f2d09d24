"""Coverage-guided fuzzing of our own readers, with atheris (libFuzzer for Python).

`targets` says what has to hold of any bytes, `seeds` and `dictionary` what to begin with, and
`fuzz` runs it. Only `fuzz` needs atheris: `tests/tools/test_atheris.py` runs the targets without
it. Fuzzing other programs belongs in `mappedram/fuzz`.
"""
