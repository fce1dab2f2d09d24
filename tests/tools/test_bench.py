"""What the benchmarks say of a run is of that run alone."""

import sys

import numpy as np
import pytest

from tools.bench.measure import Comparison, Run, compare, python, run
from tools.bench.row import Row

MIB = 1 << 20


def test_memory_is_that_of_the_program_and_not_of_who_starts_it() -> None:
    held = np.ones(400 * MIB, np.uint8)  # as benchmarks have that make large files
    assert run([sys.executable, "-I", "-S", "-c", ""]).resident < 40 * MIB
    assert run(python("held = b'1' * (200 << 20)")).resident > 200 * MIB
    assert held[-1] == 1


def test_ratios_are_of_neighbours() -> None:
    ours = tuple(Run(seconds, 0) for seconds in (1, 6, 2))
    theirs = tuple(Run(seconds, 0) for seconds in (2, 2, 2))
    assert Comparison(ours, theirs).ratio == (0.5, 1, 3)


def test_a_program_that_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match=": 5: because"):
        run(python("import sys; sys.stderr.write('because'); sys.exit(5)"))
    assert run(python("import sys; sys.exit(3)")).seconds > 0


def test_seconds_that_a_peer_reports() -> None:
    row = Row("job", "peer", python(""), python("print(1000)"), peer_reports=True)
    assert compare(row, 2).ratio.most < 1
    assert compare(row, 2).peer_seconds == 1000
