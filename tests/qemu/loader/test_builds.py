"""Compare the model with the results of nine builds of QEMU for 685 files.

The measurements are not in the repository, because the files hold firmware; without them, the tests
are skipped.
"""

import json
import lzma
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.io.memory_source import MemorySource
from mappedram.qemu.loader import Destination, Verdict, newest, verdicts
from mappedram.qemu.loader.failures import ENDINGS, READ, EndedError
from mappedram.qemu.loader.pages import Bitmaps
from mappedram.qemu.loader.releases import RELEASES
from mappedram.qemu.loader.simulate import Simulation

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "verdicts"
#: Builds that load the file saved by 9.0.0; the others load that of 10.0.2.
NINE = ("9.0.0", "9.1.0", "9.2.0")

Mutant = Mapping[str, Any]


def release(build: str) -> str:
    """The release in the model for a build."""
    name = build if build in RELEASES else build.rpartition(".")[0]
    return newest(name).name


@pytest.fixture(scope="module")
def mutants() -> list[Mutant]:
    if not (FOLDER / "mutants.json.xz").exists():
        pytest.skip("no measurements beside the repository (../shared/verdicts)")
    with lzma.open(FOLDER / "mutants.json.xz") as stream:
        found: list[Mutant] = json.load(stream)
    return found


class Base:
    """A clean file, and the machine that loads it."""

    def __init__(self, name: str, folder: Path) -> None:
        zstandard = pytest.importorskip("zstandard")
        packed = (FOLDER / f"{name}.mr.zst").read_bytes()
        self.data = zstandard.ZstdDecompressor().decompress(packed, max_output_size=1 << 26)
        path = folder / name
        path.write_bytes(self.data)
        self.snapshot = mappedram.open(path)
        self.destination = Destination.of(self.snapshot)

    def mutant(self, patches: list[Any]) -> MemorySource:
        data, end = bytearray(self.data), len(self.data)
        for patch in patches:
            if patch[0] == "truncate":
                end = patch[1]
            else:
                raw = bytes.fromhex(patch[1])
                data[patch[0] : patch[0] + len(raw)] = raw
        return MemorySource(bytes(data[:end]))


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Mapping[bool, Base]:
    """The clean files, by whether they are of 9.x."""
    if not FOLDER.exists():
        pytest.skip("no measurements beside the repository (../shared/verdicts)")
    folder = tmp_path_factory.mktemp("bases")
    return {True: Base("base-9", folder), False: Base("base", folder)}


def judged(
    mutants: list[Mutant], bases: Mapping[bool, Base]
) -> Iterator[tuple[int, str, Mapping[str, str], Verdict]]:
    """Number of a mutant, build, result of the build, verdict of the model."""
    for number, mutant in enumerate(mutants):
        for old, base in bases.items():
            patches = mutant.get("patches_9", mutant["patches"]) if old else mutant["patches"]
            found = verdicts(base.mutant(patches), 0, base.destination)
            for build, did in mutant["qemu"].items():
                if (build in NINE) == old:
                    yield number, build, did, found[release(build)]


def plain(words: str) -> str:
    """Remove whitespace: line ends differ."""
    return "".join(words.split())


def test_the_model_says_what_each_build_did(
    mutants: list[Mutant], bases: Mapping[bool, Base]
) -> None:
    differing, words, count = [], Counter[bool](), Counter[str]()
    for number, build, did, verdict in judged(mutants, bases):
        count[build] += 1
        outcome = "loads" if verdict.outcome == "wrong-memory" else verdict.outcome
        if outcome != did["outcome"]:
            differing.append((number, build, did, verdict))
        assert verdict.basis == "measured"
        said = did.get("message", "")
        # The measurements have lost bytes that are not UTF-8.
        if verdict.message and said and "\ufffd" not in said:
            words[plain(verdict.message[:60]) in plain(said)] += 1
    assert differing == []
    assert words[True] > 4000
    assert words[False] == 0
    assert set(count.values()) == {len(mutants)}
    assert {release(build) for build in count} == set(RELEASES)


def test_memory_is_right_where_the_model_says_so(
    mutants: list[Mutant], bases: Mapping[bool, Base]
) -> None:
    """Compare the first 16 MiB of guest memory, which are RAM, except for the screen and ROM."""
    compared = {
        old: replace(base.destination, reference=base.snapshot, watched=frozenset(("pc.ram",)))
        for old, base in bases.items()
    }
    clean = {build: did.get("mem") for build, did in mutants[0]["qemu"].items()}
    outcomes = Counter[tuple[str, bool]]()
    for mutant in mutants:
        old_patches = mutant.get("patches_9", mutant["patches"])
        for old, base in bases.items():
            memories = {
                build: did["mem"] == clean[build]
                for build, did in mutant["qemu"].items()
                if (build in NINE) == old and "mem" in did
            }
            patches = old_patches if old else mutant["patches"]
            if not memories or _ends_before_devices(base, patches):
                continue
            found = verdicts(base.mutant(patches), 0, compared[old])
            for build, same in memories.items():
                outcomes[found[release(build)].outcome, same] += 1
    assert set(outcomes) == {("loads", True), ("wrong-memory", False)}


def _ends_before_devices(base: Base, patches: list[Any]) -> bool:
    """Whether a section becomes EOF: then ROM hides RAM."""
    types = {section.offset for section in base.snapshot.sections}
    return any(patch[0] in types and patch[1] == "00" for patch in patches)


def test_ways_that_are_said_to_be_measured_were(
    mutants: list[Mutant], bases: Mapping[bool, Base]
) -> None:
    ways = set()
    for mutant in mutants:
        bitmaps = Bitmaps(bases[False].mutant(mutant["patches"]), "little")
        for name in ("10.0", "11.1.0"):
            simulation = Simulation(bitmaps, 0, bases[False].destination, RELEASES[name])
            if isinstance(simulation.end, EndedError):
                ways.add(simulation.end.way)
    # The first test compares messages that only 9.x writes; for devices of another version, QEMU
    # has other messages.
    assert set(ENDINGS) - READ - ways == {"command-of-others", "device-too-new", "device-version"}
