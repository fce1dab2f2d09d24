"""The page docs/verdicts.md, from the results of campaigns."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.campaign import results
from tools.campaign.explained import EXPLAINED
from tools.campaign.seeds import SEEDS

_HEAD = """\
# What QEMU makes of a file: the model, proven

<!-- Written by `python -m tools.campaign --document RESULTS...`; do not edit. -->

`mappedram check` says for each release of QEMU what its loader makes of a file. That comes from a
model of the loader, `mappedram/loader`, which follows the bytes as QEMU does. This page says how
well it does that.

A good file gets one to three mutations, each of one field, bitmap or of the length of the file
(`mappedram/fuzz/mutate.py`). A fresh QEMU loads it, with 10 seconds and 7 GiB of address space, and
where it reports success, its memory is compared with that of the good file. The model is told the
machine, and judges the same file. It knows the release only as a row of a table
(`mappedram/loader/releases.py`).

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

The files that were mutated:

| file | machine | what it is |
|---|---|---|
"""

_OTHERS = """\
## Without mapped-ram

Streams without mapped-ram are not part of the campaign. `tests/loader/plain_cases.py` changes one
thing in a good one: the list of blocks, a word, a name, a page, an XBZRLE difference, a section,
or where the file ends. `tests/loader/test_destinations.py` loads the file of one machine into
another. QEMU 10.0.2 does with each what the model says, in the words that the model foretells.
What 9.0 makes of compressed pages and of disks is read from its source.

QEMU sends each page once at least, unless the guest does not use it. If a page has had no record,
the verdict is `loads`, and not certain: nothing tells whether the page is meant to be zero.

## With multifd

Loading with the capability `multifd` is another loader. Where pages are not in the file, it does
not refuse: `multifd` in the JSON of `mappedram check` says whether QEMU crashes or hangs. A
channel that meets the end of the file dies of its own error message up to 11.0. In 11.1 the
loader dies of one as soon as it has more pages to read, and waits forever if it has none.
`tests/loader/test_multifd.py` holds this against QEMU 10.0.2.
"""


_BUILDS = """
## Nine builds of QEMU

685 mutants of a PC that 9.0.0 saved, for the three builds of 9.x, and of one that 10.0.2 saved, for
the others: 9.0.0, 9.1.0, 9.2.0, 10.1.0, 10.2.0, 11.0.0 and 11.1.0, built from their sources, and
10.0.2 and 11.1.3 of Debian. The model says of each what each build did: 6,165 times the same
outcome, and the same words where it foretells any. Where a load succeeded, the first 16 MiB of
memory are those of the clean file where the model says so, and others where it says that memory is
wrong. What a release does is called measured where these files or the campaigns below show it
(`tests/loader/test_builds.py`), and read where only its source does.
"""


def text(paths: Sequence[Path]) -> str:
    """The page; each file of results is named after the release, such as `10.0.jsonl`."""
    return _HEAD + "\n".join(_lines(paths)) + "\n"


def _lines(paths: Sequence[Path]) -> Iterator[str]:
    for seed in SEEDS:
        yield f"| `{seed.name}` | {seed.guest} | {seed.what} |"
    yield from _BUILDS.splitlines()
    for path in paths:
        yield from _campaign(path.stem, results.read(path))
    yield ""
    yield from _OTHERS.splitlines()
    yield ""
    yield "## Disagreements, and what became of them"
    yield ""
    yield "| release | what the model had not known | what it became |"
    yield "|---|---|---|"
    for row in EXPLAINED:
        yield f"| {' | '.join(row)} |"
    yield ""
    yield "## To repeat it"
    yield ""
    yield "```sh"
    for path in paths:
        binary = "/usr/bin/qemu-system-x86_64" if path.stem.startswith("10") else "BINARY"
        yield (
            f"python -m tools.campaign --qemu {binary} --release {path.stem} --count"
            f" {len(results.read(path))} --out {path.name}"
        )
    yield "python -m tools.campaign --replay 1:42   # one mutant in full"
    yield "```"


def _campaign(release: str, rows: list[results.Row]) -> Iterator[str]:
    right, foretold = results.messages(rows)
    wrong = sum(not results.agrees(row) for row in rows)
    seconds = sum(row["seconds"] for row in rows)
    counts = Counter(len(row["mutations"]) for row in rows)
    yield ""
    yield f"## QEMU {release}"
    yield ""
    yield (
        f"{len(rows):,} mutants: {counts[1]:,} with one mutation, {counts[2]:,} with two,"
        f" {counts[3]:,} with three. The model and QEMU disagree on {wrong:,}."
    )
    yield ""
    yield from results.matrix(rows)
    yield ""
    yield (
        f"Of {foretold:,} refusals whose words the model foretold, QEMU used those words in"
        f" {right:,}; most of the others hold a line break, or bytes that JSON cannot say. One load"
        f" took {1000 * seconds / max(1, len(rows)):.0f} ms on average, from the start of the"
        " process to the outcome, on two cores that were busy with other work as well."
    )
