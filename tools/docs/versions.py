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

This page describes how the releases of QEMU load a file. It is generated from the model of the
loader that `mappedram check` uses; the model was [tested](verdicts.md) against several [builds of
QEMU](#measurements). See [part 11 of the format](format.md#s-11) for the files that each release
writes, and the [errata](errata.md) for known defects.
"""
_KNOWN = """\
## Releases

The model knows the releases in this table. No release after the newest one is predicted: `check`
tells nothing about it until it is released and measured.

| QEMU | measured |
|---|---|
"""
#: What is known of QEMU after the newest release.
_NEXT = (
    "not released: in the development version of August 2026, read, files have the same layout, and"
    " the loader differs in [E-019](errata.md#e-019), [E-020](errata.md#e-020),"
    " [E-021](errata.md#e-021) and [E-059](errata.md#e-059);"
    " [11.1.1](format.md#c-11.1.1) lists what else changed"
)
_APART = """\

## Differences between releases

| behaviour | since | until | basis |
|---|---|---|---|
"""
_MEASURED = """\

## Measurements

The table counts the mutated files that each QEMU loaded, and those for which the model predicts
another outcome. "Measured" above means that such files, or those of the tests, show the behaviour.
See [verdicts](verdicts.md) for counts by outcome and by kind of mutation.

"""
_MACHINES = """\

## Machine types

A snapshot loads only on the machine type that it was saved on. A release without this machine type
does not start with it, whatever else is in the file; `check` gives [MR060](rules.md#MR060) as the
reason. This applies to a snapshot of a new machine type in an older QEMU, and to an old snapshot in
a QEMU that has removed its machine type. With `--destination`, the machine type is assumed to
exist. Names that no release has, such as those of distributions, are assumed to exist as well.

The table lists the oldest and the newest version in each release. The other machine types, mainly
boards, are in `mappedram/qemu/loader/_machines.py`. `python -m tools.machines` generates it from
the sources of the releases, and compares it with `-machine help` of each installed QEMU.

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
## Results for each defect

Each line is a file that breaks one rule, the first one of its kind that `mappedram fuzz` generates.
Another file with the same defect may have another result, for example if other bits are wrong. For
a libvirt save image, the result is that of its stream. The destination is a machine that matches
the file. If the releases in one column differ, their outcomes are listed in the order of the
releases.

"""
_WORDS = """\
## Messages

The table shows the beginning of each message, after the "load of migration failed: …: " of newer
releases.

| rule | QEMU 9.0 to 10.1 | QEMU 10.2 and 11.0 | QEMU 11.1 |
|---|---|---|---|
"""


#: All differences between releases in the model, in words.
_BEHAVIOURS: Mapping[str, Behaviour] = {
    "compares `page_size` with its own": releases.CHECKS_PAGE_SIZE,
    "reads `addr`, with x-ignore-shared": releases.READS_ADDR,
    "treats two zero offsets as a block without data": releases.SKIPS_EMPTY_BLOCKS,
    "knows COMPRESS_PAGE": releases.COMPRESS,
    "knows the live section `block`, with disks": releases.BLOCK_MIGRATION,
    "accepts ENABLE_COLO if `x-colo` is enabled": releases.TAKES_COLO,
    "finds the clock of a PC by its port": releases.RTC_HAS_PORT,
    "reports an error if a multifd channel reaches the end": releases.MULTIFD_NOTES_ENDS,
    "uses pages of 1 KiB on AVR, not of 256 bytes": releases.AVR_PAGES_OF_1K,
    "crashes on a length of 2 GiB in the configuration": releases.SIGNED_LENGTHS,
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
    """The six tables."""
    return "\n".join(
        (
            _HEAD,
            _KNOWN + _rows(_known()),
            _APART + _rows(_apart()) + _MEASURED + "\n".join(_measured()),
            _MACHINES + _machines(),
            _DEFECTS + _defects(),
            _WORDS + _words(),
        )
    )


def _known() -> Iterator[tuple[str, ...]]:
    """Each release with the builds of it that were measured, and what comes after the newest."""
    for name in RELEASES:
        builds = [
            build for build in document.BUILDS if build.startswith(f"{name}.") or build == name
        ]
        yield name, ", ".join(builds)
    yield f"after {list(RELEASES)[-1]}", _NEXT


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
