"""The order of the tests for a change: those most likely to notice it at the least cost first.

A stage is one run of pytest, which ends at the first failure. The first stage has the tests that
noticed changes nearby, the second all quick tests and those of the same part, the third the others.
These draw few examples; if they notice nothing, all tests run once more with the usual number of
examples.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from tools.mutants.results import Row

#: Profiles of Hypothesis, from `tests/conftest.py`.
FEW, ALL = "mutants-few", "mutants"

#: Some ten seconds together. `test_validity` compares each bound with that of the `.ksy`.
QUICK = (
    "tests/format/test_declared.py",
    "tests/conformance/test_expected.py",
    "tests/format/test_validity.py",
    "tests/stream/reader/test_live.py",
    "tests/stream/test_regions.py",
    "tests/test_expressions.py",
)
#: Tests of a part, by the beginning of its path.
OWN: dict[str, tuple[str, ...]] = {
    "mappedram/format/": ("tests/format/test_agreement.py", "tests/check/test_rebuild.py"),
    "mappedram/format/libvirt": ("tests/stream/libvirt",),
    "mappedram/format/vmstate": ("tests/stream/vmstate",),
    "mappedram/stream/reader/": ("tests/stream/reader/test_reader.py",),
    "mappedram/stream/regions": ("tests/stream/test_regions.py",),
    "mappedram/stream/writer/": ("tests/stream/writer",),
}
#: The other tests, the quicker ones first.
REST = (
    "tests/format/test_agreement.py",
    "tests/check/test_rebuild.py",
    "tests/stream/reader/test_reader.py",
    "tests/stream/test_roundtrip.py",
    "tests/format/test_whole_files.py",
    "tests/stream/writer",
    "tests/stream",
    "tests/stream/libvirt",
    "tests/fuzz/test_defects.py",
    "tests/check",
    "tests/unknown",
    "tests/stream/vmstate",
    "tests/fuzz/test_derived.py",
)
#: Most witnesses of other changes to try first.
_WITNESSES = 8


class Stage(NamedTuple):
    """One run of pytest.

    Attributes:
        tests: its arguments.
        profile: profile of Hypothesis.
    """

    tests: list[str]
    profile: str


def stages(path: str, line: int, known: Iterable[Row]) -> list[Stage]:
    """The stages for a change in a line of a file.

    Args:
        path: the file, below the root.
        line: line number of the change.
        known: results of other changes.
    """
    own = [test for prefix, tests in OWN.items() if path.startswith(prefix) for test in tests]
    second = list(dict.fromkeys([*QUICK, *own]))
    third = [test for test in REST if test not in second]
    first = witnesses(path, line, known)
    few = [Stage(tests, FEW) for tests in (first, second, third) if tests]
    return [*few, Stage([*second, *third], ALL)]


def witnesses(path: str, line: int, known: Iterable[Row]) -> list[str]:
    """Tests that noticed other changes: nearby ones in the same file, then the most successful."""
    rows = [row for row in known if "::" in row.witness]
    near = sorted((row for row in rows if row.path == path), key=lambda row: abs(row.line - line))
    often = Counter(row.witness for row in rows).most_common()
    half = list(dict.fromkeys(row.witness for row in near))[: _WITNESSES // 2]
    return list(dict.fromkeys([*half, *(witness for witness, _ in often)]))[:_WITNESSES]
