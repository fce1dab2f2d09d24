"""The page of the releases of QEMU: how each treats a file, from the model of its loader."""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from random import Random

from mappedram.check import check
from mappedram.format.constants import CommandType
from mappedram.fuzz.defects import CATALOGUE, Breakage
from mappedram.qemu.loader import RELEASES, Release, Verdict, machines, releases
from mappedram.qemu.loader.commands import COMMANDS
from mappedram.qemu.loader.configuration import CAPABILITIES
from mappedram.qemu.loader.failures import ENDINGS
from mappedram.qemu.loader.releases import ALWAYS, Behaviour
from tools.campaign import document, published

_HEAD = """\
# QEMU versions

What the releases of QEMU make of a file when they load it. All of this page comes from the model of
the loader by which `mappedram check` judges; [how well it does](verdicts.md) was tried on several
[builds of QEMU](#what-was-measured-where). What the releases write is in
[part 11 of the format](format.md#s-11), what they get wrong in the [errata](errata.md).
"""
_APART = """\
## What tells them apart

| what they do | since | until | how it is known |
|---|---|---|---|
"""
_MEASURED = """\

## What was measured where

Files with mutations that a QEMU has loaded, and of how many the model says another outcome than
that QEMU had. "Measured" above means that such files, or those of the tests, show it. They are
counted by outcome, and by what was changed, on the [page of the verdicts](verdicts.md).

"""
_MACHINES = """\

## Machine types

A snapshot loads on the machine type that it was saved on. A release that does not have that one
refuses to start with it, whatever else is in the file: `check` gives the reason
[MR060](rules.md#MR060). It happens to a snapshot of the newest machine type in an older QEMU, and
to an old snapshot in a QEMU that has removed its machine type. A destination that is given
(`--destination`) is taken to have its machine type. About names that no release has, such as those
of distributions, nothing is known: they are taken to be there.

These are the oldest and the newest version in each release. The other machine types, boards above
all, are in `mappedram/qemu/loader/_machines.py`. `python -m tools.machines` makes it from the
sources of the releases, and compares it with `-machine help` of each QEMU at hand.

"""
#: Versioned machine types, with their folders in QEMU's source.
_FAMILIES = {
    "pc-i440fx": "i386",
    "pc-q35": "i386",
    "pseries": "ppc",
    "s390-ccw-virtio": "s390x",
    "virt": "arm",
}
_DEFECTS = """\
## What they make of each defect

Each line is one file that breaks one rule, the first that `mappedram fuzz` makes of its kind.
Another file with the same defect may fare otherwise, such as one that has wrong bits elsewhere.
Of an image of libvirt the stream counts. The destination is a machine that matches the file. Where
the releases of one column differ, their outcomes stand in the order of the releases.

"""
_WORDS = """\
## What they say

How the message of a refusal begins, behind the "load of migration failed: …: " of newer releases.

| rule | QEMU 9.0 to 10.1 | QEMU 10.2 and 11.0 | QEMU 11.1 |
|---|---|---|---|
"""


#: All differences between releases in the model, in words.
_BEHAVIOURS: Mapping[str, Behaviour] = {
    "compares `page_size` with its own": releases.CHECKS_PAGE_SIZE,
    "reads `addr`, with x-ignore-shared": releases.READS_ADDR,
    "takes two zero offsets for a block without data": releases.SKIPS_EMPTY_BLOCKS,
    "knows COMPRESS_PAGE": releases.COMPRESS,
    "knows the live section `block`, with disks": releases.BLOCK_MIGRATION,
    "takes ENABLE_COLO where `x-colo` is on": releases.TAKES_COLO,
    "finds the clock of a PC by its port": releases.RTC_HAS_PORT,
    "has an error to hand on where a channel of multifd meets the end": releases.MULTIFD_NOTES_ENDS,
    "has pages of 1 KiB on AVR, not of 256 bytes": releases.AVR_PAGES_OF_1K,
    "dies of a length of 2 GiB in the configuration": releases.SIGNED_LENGTHS,
    **{
        f"knows the capability `{name}`": one for name, one in CAPABILITIES.items() if one != ALWAYS
    },
    **{
        f"knows the command {CommandType(number).name}": command.known
        for number, command in COMMANDS.items()
        if command.known != ALWAYS
    },
}


def page() -> str:
    """The five tables."""
    return "\n".join(
        (
            _HEAD,
            _APART + _rows(_apart()) + _MEASURED + "\n".join(_measured()),
            _MACHINES + _machines(),
            _DEFECTS + _defects(),
            _WORDS + _words(),
        )
    )


def alike() -> list[list[str]]:
    """The names of the releases, grouped if nothing distinguishes them."""
    found = groupby(RELEASES.values(), key=_answers)
    return [[release.name for release in releases] for _, releases in found]


def _answers(release: Release) -> tuple[bool, ...]:
    return tuple(release.does(behaviour) for behaviour in _BEHAVIOURS.values())


def _apart() -> Iterator[tuple[str, ...]]:
    for what, one in _BEHAVIOURS.items():
        yield what, one.since or "9.0 or before", one.until or "-", one.basis


def _measured() -> Iterator[str]:
    return document.coverage(published.read(published.PUBLISHED))


def _machines() -> str:
    head = f"| QEMU | {' | '.join(_FAMILIES)} |\n|---|{'---|' * len(_FAMILIES)}\n"
    return head + _rows(
        [
            (release, *(_versions(release, *family) for family in _FAMILIES.items()))
            for release in machines.RELEASES
        ]
    )


def _versions(release: str, family: str, folder: str) -> str:
    """The oldest and the newest version of a machine type in a release."""
    pattern = re.compile(rf"{family}-(\d+)\.(\d+)")
    names = (row.machine for row in machines.rows() if row.folder == folder)
    found = sorted(
        tuple(map(int, match.groups()))
        for match in map(pattern.fullmatch, names)
        if match and machines.exists(match[0], release)
    )
    return " to ".join(".".join(map(str, version)) for version in (found[0], found[-1]))


def _defects() -> str:
    groups = alike()
    spans = (names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}" for names in groups)
    head = f"| rule | file | {' | '.join(spans)} |\n|---|---|{'---|' * len(groups)}\n"
    rows = [
        (_link(code), way.name.replace("_", " "), *_outcomes(way, groups))
        for code, ways in sorted(CATALOGUE.items())
        for way in ways
    ]
    return head + _rows(rows)


def _outcomes(way: Breakage, groups: list[list[str]]) -> Iterator[str]:
    file = way.file(Random(0))
    with file.opened() as fd:
        found: Mapping[str, Verdict] = check(fd, file.offset).qemu
    for names in groups:
        outcomes = dict.fromkeys(found[name].outcome for name in names if found)
        yield ", ".join(outcomes) or "-"


def _words() -> str:
    rows = [
        (_link(ending.code), *map(_quoted, ending.words))
        for ending in ENDINGS.values()
        if any(ending.words)
    ]
    return _rows(rows)


def _quoted(words: str | None) -> str:
    return f"`{words.replace('|', chr(92) + '|')}`" if words else "-"


def _link(code: str) -> str:
    if code.startswith("E-"):
        return f"[{code}](errata.md#{code.lower()})"
    return f"[{code}](rules.md#{code})"


def _rows(rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
