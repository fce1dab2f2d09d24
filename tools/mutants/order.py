"""Which tests a change is shown to, and in which order: those that notice most for the least first.

What is tried is a stage, one run of pytest that ends at the first failure: first the tests by which
changes nearby were noticed, then those of the same part and all that are quick, then the others.
"""

from collections import Counter
from collections.abc import Iterable

from tools.mutants.results import Row

#: Together some twenty seconds. `test_validity` compares each bound with that of the `.ksy`.
QUICK = (
    "tests/test_declared.py",
    "tests/conformance/test_expected.py",
    "tests/test_validity.py",
    "tests/test_live.py",
    "tests/test_regions.py",
    "tests/test_expressions.py",
)
#: By the beginning of the path: the tests of that part.
OWN: dict[str, tuple[str, ...]] = {
    "mappedram/layout/": ("tests/test_agreement.py", "tests/check/test_rebuilt.py"),
    "mappedram/layout/libvirt": ("tests/libvirt",),
    "mappedram/layout/vmstate": ("tests/vmstate",),
    "mappedram/reader/": ("tests/test_reader.py",),
    "mappedram/regions": ("tests/test_regions.py",),
    "mappedram/writer/": ("tests/writer",),
}
#: The others, the quicker ones first.
REST = (
    "tests/test_agreement.py",
    "tests/check/test_rebuilt.py",
    "tests/test_reader.py",
    "tests/test_roundtrip.py",
    "tests/test_whole_files.py",
    "tests/writer",
    "tests/stream",
    "tests/libvirt",
    "tests/fuzz/test_defects.py",
    "tests/check",
    "tests/unknown",
    "tests/vmstate",
    "tests/test_derived.py",
)
#: As many tests that noticed others are tried before all.
_WITNESSES = 8


def stages(path: str, line: int, known: Iterable[Row]) -> list[list[str]]:
    """The stages for a change in a line of a file, each a list of what pytest is given.

    Args:
        path: the file, below the root.
        line: where the change is.
        known: what became of other changes.
    """
    own = [test for prefix, tests in OWN.items() if path.startswith(prefix) for test in tests]
    second = list(dict.fromkeys([*QUICK, *own]))
    third = [test for test in REST if test not in second]
    first = witnesses(path, line, known)
    return [*([first] if first else []), second, third]


def witnesses(path: str, line: int, known: Iterable[Row]) -> list[str]:
    """Tests that noticed other changes: those nearby in the same file, then the most successful."""
    rows = [row for row in known if "::" in row.witness]
    near = sorted((row for row in rows if row.path == path), key=lambda row: abs(row.line - line))
    often = Counter(row.witness for row in rows).most_common()
    half = list(dict.fromkeys(row.witness for row in near))[: _WITNESSES // 2]
    return list(dict.fromkeys([*half, *(witness for witness, _ in often)]))[:_WITNESSES]
