"""A part of the campaigns of docs/verdicts.md: the model agrees with QEMU."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mappedram.fuzz.mutable_fields import KINDS
from tests.qemu.test_fresh import binary
from tools.campaign.emulators import Emulator, release_of
from tools.campaign.plan import Plan
from tools.campaign.seeds import SEEDS
from tools.campaign.trial import Laboratory, Setting, prepare
from tools.qemu import version

#: Numbers of mutants with seed 2 of each file: QEMU 10.0 refuses them in different ways, loads them
#: with right or wrong memory, crashes, or hangs.
SLICE = {
    "none": "0 1 2 4 5 6 7 16 34 94",
    "numa": "0 1 2 3 4 8 19 31 35 88 111 114 132 151 172 187",
    "none-4k": "0 2 3 4 5 9 25 170",
    "pc": "0 2 3 4 5 64 114 135 182 183 206 242",
    "none-oracle": "0 1 2 4 6 7 15 108",
    "none-offset": "0 1 2 4 5 7 8 10 250",
    "numa-64k": "0 1 2 7 10 13 17 22 45 48 53 59 73 84 122 173",
    "q35": "0 1 2 3 7 28 29 36 55 99 175 189 191 197 216 229",
    "virt": "0 1 2 5 6 7 12 25 27 92 94 124 196 225",
    "none-arm": "0 1 2 3 5 8 16 17 36 190",
    "none-plain": "0 1 2 3 5 9 12 14 22 40 50 52 69 73 76 79",
    "pc-plain": "0 1 3 6 7 8 17 21 28 32 38 46 52 53 65 69 167",
    "q35-plain": "0 1 2 3 4 5 7 12 14 25 27 28 30 62 71 84",
    "virt-plain": "0 1 2 4 5 6 9 10 11 13 27 28 34 35 41 43 413",
}
MUTANTS = [(name, int(number)) for name, numbers in SLICE.items() for number in numbers.split()]
ARCHS = {seed.name: seed.arch for seed in SEEDS}


class Bench:
    """The QEMU of one target, and a plan of the good files that it loads."""

    def __init__(self, arch: str, folder: Path) -> None:
        qemu = binary(arch)
        if release_of(version(qemu)) is None:
            pytest.skip(f"the model does not know {qemu}")
        self.emulator = Emulator.of(qemu)
        names = tuple(name for name, target in ARCHS.items() if target == arch)
        prepare([self.emulator], names, folder / "good")
        setting = Setting((self.emulator,), Plan("2", names, KINDS), folder / "good", "")
        self.laboratory = Laboratory(setting, folder)

    def index(self, name: str, number: int) -> int:
        """The number in the plan for a mutant of a file."""
        names = self.laboratory.setting.plan.files
        return number * len(names) + names.index(name)


@pytest.fixture(scope="module", params=sorted(set(ARCHS.values())))
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    made = Bench(request.param, tmp_path_factory.mktemp("campaign"))
    with made.laboratory:
        yield made


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("bench", "name", "number"),
    [(ARCHS[name], name, number) for name, number in MUTANTS],
    indirect=["bench"],
)
def test_model_says_what_qemu_does(name: str, number: int, bench: Bench) -> None:
    (row,) = bench.laboratory.trial(bench.index(name, number))
    assert row.agrees, row.to_json()


@pytest.mark.qemu
def test_good_files_load(bench: Bench) -> None:
    """With exactly the saved memory, which mutants are compared with."""
    for name in bench.laboratory.setting.plan.files:
        loaded = bench.laboratory.load(name, bench.emulator)
        assert (loaded.outcome, loaded.message) == ("loads", ""), name
