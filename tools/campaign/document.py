"""Write docs/verdicts.md, and figures of campaigns for other pages, from the published results."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mappedram.fuzz.mutable_fields import KINDS
from tools.campaign.explained import EXPLAINED
from tools.campaign.published import Cell, Entry
from tools.campaign.results import OUTCOMES
from tools.campaign.seeds import SEEDS

_HEAD = """\
# What QEMU makes of a file: the model, proven

<!-- Written by `python -m tools.campaign document` from published.json; do not edit. -->

`mappedram check` says for each release of QEMU what its loader makes of a file. That comes from a
model of the loader, `mappedram/qemu/loader`, which follows the bytes as QEMU does. This page says
how well it does that.

A good file gets one to three mutations (`mappedram/fuzz/mutate.py`). A fresh QEMU loads it, with 10
seconds and 7 GiB of address space, and where it reports success, its memory is compared with that
of the good file. The model is told the machine, and judges the same file. It knows the release only
as a row of a table (`mappedram/qemu/loader/releases.py`).

| outcome | what it means |
|---|---|
| loads | QEMU reports success, and the memory is that of the good file |
| wrong-memory | QEMU reports success, and the memory is another |
| refuses | QEMU reports an error |
| crashes | a signal ends QEMU |
| hangs | nothing after 10 seconds |

"Wrong memory" is about the blocks whose memory can be seen from outside: all RAM of the guest, but
not ROM. Devices are not compared: a file whose sections end early loads, with devices as they are
after a reset.

| what is changed | that is |
|---|---|
| headers | a field of the stream header, the configuration, the list of blocks or mapped-ram |
| bitmaps | some bits of a bitmap, or all |
| sections | a field of the header or the end of a section, or of a command |
| description | a byte of the JSON text, or its length |
| length | the file is cut, or goes on behind its end |
| records | the word, the name or a byte of the record of a page, without mapped-ram |

What devices are made of is left as it is: the file does not say what they take for valid.

The files that are changed:

| file | machine | target | form | what it is |
|---|---|---|---|---|
"""

_OTHERS = """\
## Without mapped-ram

`tests/qemu/loader/plain_cases.py` changes one thing in a good stream without mapped-ram, and also
what mutations do not reach, such as an XBZRLE difference. `tests/qemu/loader/test_destinations.py`
loads the file of one machine into another. QEMU 10.0.2 does with each what the model says, in the
words that the model foretells. What 9.0 makes of compressed pages and of disks is read from its
source.

QEMU sends each page once at least, unless the guest does not use it. If a page has had no record,
`check` says `loads`, and not certain: nothing tells whether the page is meant to be zero. The
campaigns tell the model what the memory was.

## With multifd

Loading with the capability `multifd` is another loader. Where pages are not in the file, it does
not refuse: `multifd` in the JSON of `mappedram check` says whether QEMU crashes or hangs. A
channel that meets the end of the file dies of its own error message up to 11.0. In 11.1 the
loader dies of one as soon as it has more pages to read, and waits forever if it has none.
`tests/qemu/loader/test_multifd.py` holds this against QEMU 10.0.2.
"""

_BUILDS = """\
## Nine builds of QEMU

685 mutants of a PC that 9.0.0 saved, for the three builds of 9.x, and of one that 10.0.2 saved, for
the others: 9.0.0, 9.1.0, 9.2.0, 10.1.0, 10.2.0, 11.0.0 and 11.1.0, built from their sources, and
10.0.2 and 11.1.3 of Debian. The model says of each what each build did: 6,165 times the same
outcome, and the same words where it foretells any. Where a load succeeded, the first 16 MiB of
memory are those of the clean file where the model says so, and others where it says that memory is
wrong. What a release does is called measured where these files or the campaigns below show it
(`tests/qemu/loader/test_builds.py`), and read where only its source does.
"""
#: The nine builds, by the versions that were run.
BUILDS = ("9.0.0", "9.1.0", "9.2.0", "10.0.2", "10.1.0", "10.2.0", "11.0.0", "11.1.0", "11.1.3")
_BUILD_MUTANTS = 685

_REPEAT = """\
## To repeat it

```sh
python -m tools.campaign run \\
  --qemu /usr/bin/qemu-system-x86_64 --qemu /opt/mappedram-qemu/qemu-system-x86_64 \\
  --qemu /usr/bin/qemu-system-aarch64 --qemu /opt/mappedram-qemu/qemu-system-aarch64 \\
  --count 100000 --shard 1/2 --out 1.jsonl       # and 2/2 on another machine
python -m tools.campaign merge 1.jsonl 2.jsonl   # what they come to
python -m tools.campaign publish 1.jsonl 2.jsonl # add them to this page
python -m tools.campaign replay 42 --out 1.jsonl # one mutant in full
```

`run` goes on where it was stopped, and `replay` takes the plan of the results that are there. QEMU
says its version by itself, which says the row of the model. The first QEMU of each target saves the
good files, and all of that target load them; those of `virt` are saved by each QEMU for itself.
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
    yield "## What was measured where"
    yield ""
    yield from coverage(entries)
    for version in _versions(entries):
        yield from _version(version, [one for one in entries if one.version == version])
    yield ""
    yield from _OTHERS.splitlines()
    yield ""
    yield "## Disagreements, and what became of them"
    yield ""
    yield "| release | what the model had not known | what it became |"
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
        + (f" {contradictory:,} more came to several ends." if contradictory else "")
    )
    yield ""
    yield from matrix((cell.outcome, cell.model, cell.mutants) for cell in cells)
    yield ""
    right, foretold = (sum(getattr(e, name) for e in entries) for name in ("right", "foretold"))
    uncertain = sum(cell.mutants for cell in cells if cell.certain is False)
    yield (
        f"Of {foretold:,} refusals whose words the model foretold, QEMU used those words in"
        f" {right:,}; most of the others hold a line break, or bytes that JSON cannot say. Of"
        f" {uncertain:,} verdicts the model says that they are not certain."
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
    yield "By what was changed; a mutant with changes of several kinds counts for each:"
    yield ""
    yield f"| changed | {' | '.join(OUTCOMES)} | differ |"
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
        "| QEMU, below; the model, right | " + " | ".join(OUTCOMES) + " | all |",
        "|---|" + "---:|" * (len(OUTCOMES) + 1),
    ]
    for did in OUTCOMES:
        cells = [counts[did, said] for said in OUTCOMES]
        lines.append(f"| {did} | " + " | ".join(f"{n:,}" for n in (*cells, sum(cells))) + " |")
    return lines
