"""Write docs/verdicts.md, and figures of campaigns for other pages, from the published results."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mappedram.fuzz.mutable_fields import KINDS
from tools.campaign.explained import EXPLAINED
from tools.campaign.published import Cell, Entry
from tools.campaign.results import OUTCOMES
from tools.campaign.seeds import SEEDS

_HEAD = """\
# Verdicts, proven

<!-- Written by `python -m tools.campaign document` from published.json; do not edit. -->

`mappedram check` predicts the result of each QEMU release for a file, with a model of QEMU's loader
in `mappedram/qemu/loader`. This page compares the model with real QEMUs.

The campaign applies one to three mutations (`mappedram/fuzz/mutate.py`) to a valid file. A new QEMU
process loads the mutant, limited to 10 seconds and 7 GiB of address space. If QEMU reports success,
its memory is compared with that of the valid file. The model gets the machine and the same file;
the release is only a row in a table (`mappedram/qemu/loader/releases.py`).

| outcome | meaning |
|---|---|
| loads | QEMU reports success, and memory equals that of the valid file |
| wrong-memory | QEMU reports success, and memory differs |
| refuses | QEMU reports an error |
| crashes | a signal ends QEMU |
| hangs | no result after 10 seconds |

Memory is compared for all RAM of the guest, but not for ROM. Devices are not compared: a file with
missing device sections loads, with devices in their state after a reset.

| mutation | changes |
|---|---|
| headers | a field of the stream header, the configuration, the list of blocks or mapped-ram |
| bitmaps | some or all bits of a bitmap |
| sections | a field of the header or footer of a section, or of a command |
| description | a byte of the JSON text, or its length |
| length | the file is truncated, or extended |
| records | flags, name or a byte of a page record, without mapped-ram |

Device state is not changed: the file does not show which values a device accepts.

The valid files:

| file | machine | target | form | description |
|---|---|---|---|---|
"""

_OTHERS = """\
## Without mapped-ram

`tests/qemu/loader/plain_cases.py` makes single changes to a valid stream without mapped-ram,
including changes that mutations do not make, such as to an XBZRLE difference.
`tests/qemu/loader/test_destinations.py` loads the file of one machine into another. For each case,
QEMU 10.0.2 has the outcome and the message that the model predicts. For compressed pages and disks
in 9.0, the model follows the source.

QEMU sends each page that the guest uses at least once. If a page has no record, `check` reports
`loads`, but not as certain, because the file does not show whether the page should be zero. In
campaigns, the model gets the expected memory.

## With multifd

With the capability `multifd`, QEMU uses another loader. If pages are missing from the file, this
loader does not refuse it: `multifd` in the JSON of `mappedram check` says whether QEMU crashes or
hangs. Up to 11.0, a channel that reaches the end of the file crashes while it reports the error. In
11.1, the loader crashes if it has more pages to read, and otherwise waits forever.
`tests/qemu/loader/test_multifd.py` compares this with QEMU 10.0.2.
"""

_BUILDS = """\
## Nine builds of QEMU

685 mutants were loaded into nine builds: 9.0.0, 9.1.0, 9.2.0, 10.1.0, 10.2.0, 11.0.0 and 11.1.0,
built from their sources, and 10.0.2 and 11.1.3 of Debian. They are mutants of a PC saved by 9.0.0
for the builds of 9.x, and saved by 10.0.2 for the others. In all 6,165 cases, the build had the
outcome that the model predicts, and its message, if the model predicts one. If a load succeeded,
the first 16 MiB of memory were those of the clean file, unless the model predicts wrong memory. The
behaviour of a release is called "measured" if these files or the campaigns below show it
(`tests/qemu/loader/test_builds.py`), and "read" if it is known only from the source.
"""
#: The nine builds, by the versions that were run.
BUILDS = ("9.0.0", "9.1.0", "9.2.0", "10.0.2", "10.1.0", "10.2.0", "11.0.0", "11.1.0", "11.1.3")
_BUILD_MUTANTS = 685

_REPEAT = """\
## Running a campaign

```sh
python -m tools.campaign run \\
  --qemu /usr/bin/qemu-system-x86_64 --qemu /opt/mappedram-qemu/qemu-system-x86_64 \\
  --qemu /usr/bin/qemu-system-aarch64 --qemu /opt/mappedram-qemu/qemu-system-aarch64 \\
  --count 100000 --shard 1/2 --out 1.jsonl       # and 2/2 on another machine
python -m tools.campaign merge 1.jsonl 2.jsonl   # what they come to
python -m tools.campaign publish 1.jsonl 2.jsonl # add them to this page
python -m tools.campaign replay 42 --out 1.jsonl # one mutant in full
```

`run` continues an interrupted run, and `replay` uses the plan of existing results. The version that
QEMU reports selects the row of the model. The first QEMU of each target saves the valid files, and
all QEMUs of that target load them; each QEMU saves its own files of `virt`.
"""


def text(entries: Sequence[Entry]) -> str:
    """Text of the page."""
    return _HEAD + "\n".join(_lines(entries)) + "\n"


def _lines(entries: Sequence[Entry]) -> Iterator[str]:
    for seed in SEEDS:
        yield f"| `{seed.name}` | {seed.guest} | {seed.arch} | {seed.form} | {seed.what} |"
    yield ""
    yield from _BUILDS.splitlines()
    yield ""
    yield "## Measurements"
    yield ""
    yield from coverage(entries)
    for version in _versions(entries):
        yield from _version(version, [one for one in entries if one.version == version])
    yield ""
    yield from _OTHERS.splitlines()
    yield ""
    yield "## Resolved differences"
    yield ""
    yield "| release | difference | change |"
    yield "|---|---|---|"
    for one in EXPLAINED:
        yield f"| {one.releases} | {one.what} | {one.became} |"
    yield ""
    yield from _REPEAT.splitlines()


def coverage(entries: Iterable[Entry]) -> Iterator[str]:
    """Table of mutants loaded by each QEMU for each machine, and how many results differ."""
    yield "| QEMU | machine | form | mutants | model and QEMU differ |"
    yield "|---|---|---|---:|---:|"
    found: Counter[tuple[str, str, str]] = Counter()
    differ: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        for cell in entry.cells:
            key = entry.version, cell.machine, cell.form
            found[key] += cell.mutants
            differ[key] += cell.mutants * (cell.outcome != cell.model)
    for version in BUILDS:
        found[version, "pc", "mapped-ram (the nine builds)"] = _BUILD_MUTANTS
    for key in sorted(found, key=lambda key: (_numbers(key[0]), *key[1:])):
        yield f"| {' | '.join(key)} | {found[key]:,} | {differ[key]:,} |"


def _versions(entries: Iterable[Entry]) -> list[str]:
    return sorted({entry.version for entry in entries}, key=_numbers)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _version(version: str, entries: Sequence[Entry]) -> Iterator[str]:
    mutants = sum(entry.mutants for entry in entries)
    one, two, three = (sum(entry.by_mutations[n] for entry in entries) for n in range(3))
    cells = [cell for entry in entries for cell in entry.cells]
    differ = sum(cell.mutants for cell in cells if cell.outcome != cell.model)
    unexplained = sum(entry.unexplained for entry in entries)
    contradictory = sum(entry.contradictory for entry in entries)
    yield ""
    yield f"## QEMU {version}"
    yield ""
    yield (
        f"{mutants:,} mutants: {one:,} with one mutation, {two:,} with two, {three:,} with three."
        f" The model and QEMU differ on {differ:,}; {unexplained:,} of these are unexplained."
        + (f" {contradictory:,} more had several outcomes." if contradictory else "")
    )
    yield ""
    yield from matrix((cell.outcome, cell.model, cell.mutants) for cell in cells)
    yield ""
    right, foretold = (sum(getattr(e, name) for e in entries) for name in ("right", "foretold"))
    uncertain = sum(cell.mutants for cell in cells if cell.certain is False)
    yield (
        f"The model predicted the message of {foretold:,} refusals, and {right:,} were right; most"
        " of the others contain a line break, or bytes that JSON cannot represent. The model marks"
        f" {uncertain:,} verdicts as not certain."
    )
    yield from _forms(cells)
    yield from _kinds(entries)
    yield ""
    yield "| target | date | seed | shard | mutants | model | one load |"
    yield "|---|---|---|---|---:|---|---:|"
    for entry in entries:
        seed = entry.plan.seed if entry.plan else "1, before there were shards"
        commits = ", ".join(entry.commits) or "-"
        yield (
            f"| {entry.arch} | {entry.date} | {seed} | {entry.shard} | {entry.mutants:,} |"
            f" {commits} | {entry.milliseconds} ms |"
        )


def _forms(cells: Sequence[Cell]) -> Iterator[str]:
    """A matrix for each machine and form."""
    for machine, form in sorted({(cell.machine, cell.form) for cell in cells}):
        chosen = [cell for cell in cells if (cell.machine, cell.form) == (machine, form)]
        yield ""
        yield f"### {machine}, {form}"
        yield ""
        yield from matrix((cell.outcome, cell.model, cell.mutants) for cell in chosen)


def _kinds(entries: Iterable[Entry]) -> Iterator[str]:
    """Outcomes by the kind of mutation, and how many results differ."""
    cells = [cell for entry in entries for cell in entry.kinds]
    if not cells:
        return
    yield ""
    yield "By mutation; a mutant with several kinds of mutations counts for each:"
    yield ""
    yield f"| mutation | {' | '.join(OUTCOMES)} | differ |"
    yield "|---|" + "---:|" * (len(OUTCOMES) + 1)
    for kind in KINDS:
        found = Counter[str]()
        for cell in cells:
            if cell.kind == kind:
                found[cell.outcome] += cell.mutants
                found["differ"] += cell.mutants * (cell.outcome != cell.model)
        yield f"| {kind} | " + " | ".join(f"{found[n]:,}" for n in (*OUTCOMES, "differ")) + " |"


def matrix(counted: Iterable[tuple[str, str, int]]) -> list[str]:
    """A confusion matrix: QEMU's outcomes by row, the model's by column.

    Args:
        counted: QEMU's outcome, the model's, and their number.
    """
    counts = Counter[tuple[str, str]]()
    for did, said, mutants in counted:
        counts[did, said] += mutants
    lines = [
        "| QEMU (rows), model (columns) | " + " | ".join(OUTCOMES) + " | all |",
        "|---|" + "---:|" * (len(OUTCOMES) + 1),
    ]
    for did in OUTCOMES:
        cells = [counts[did, said] for said in OUTCOMES]
        lines.append(f"| {did} | " + " | ".join(f"{n:,}" for n in (*cells, sum(cells))) + " |")
    return lines
