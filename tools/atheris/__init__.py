"""Coverage-guided fuzzing of our own readers, with atheris (libFuzzer for Python).

`targets` checks properties that hold for any bytes, `seeds` and `dictionary` make the first inputs,
and `fuzz` runs it. Only `fuzz` needs atheris: `tests/tools/test_atheris.py` runs the targets
without it. Fuzzing other programs belongs in `mappedram/fuzz`.
"""
