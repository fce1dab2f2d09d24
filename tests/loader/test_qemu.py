"""A slice of the campaign of docs/verdicts.md: what the model says is what QEMU does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.qemu.test_fresh import binary
from tools.campaign.trial import Laboratory, prepare, release_of
from tools.qemu import version

#: Numbers of mutants with seed 1: such as QEMU 10.0 refuses in 48 different ways, loads with right
#: and with wrong memory, dies of, and does not come back from.
SLICE = """
0 1 2 3 4 5 6 7 8 9 10 11 13 14 15 16 18 19 20 21 22 24 25 29 30 31 32 34 36 38 39 42 43 46
47 49 51 53 54 55 57 59 60 64 66 69 78 82 83 84 101 104 109 111 114 115 116 119 129 130 133
139 141 150 153 159 160 175 178 180 185 187 195 196 198 199 207 218 219 221 224 232 239 255
260 272 279 288 303 315 328 333 340 383 384 385 421 440 476 496 498 520 532 551 574 578 688
753 846 911 938 971 995 1097 1142 1220 1408 1419 1554 1577 1806 2068 2090 2209 2424 2434
2693 2737 2769 3039 3172 3504 3518 4086 4232 4723 4905 5242 5270 5636 6550 7135 7778 8077
8492 8849 9000 9001 9002 9003
"""
INDICES = [int(number) for number in SLICE.split()]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    qemu = binary("x86_64")
    release = release_of(version(qemu))
    if release is None:
        pytest.skip(f"the model does not know {qemu}")
    folder: Path = tmp_path_factory.mktemp("campaign")
    prepare(qemu, folder / "good")
    with Laboratory(qemu, release, "1", folder / "good", folder) as laboratory:
        yield laboratory


@pytest.mark.qemu
@pytest.mark.parametrize("index", INDICES)
def test_model_says_what_qemu_does(index: int, laboratory: Laboratory) -> None:
    trial = laboratory.trial(index)
    assert trial.verdict.outcome == trial.loaded.outcome, trial.to_dict()


@pytest.mark.qemu
def test_good_files_load(laboratory: Laboratory) -> None:
    """With the very memory that was saved: mutants are compared with that."""
    for good in laboratory.good.values():
        loaded = good.loader.load(laboratory.files / good.seed.name, good.seed.offset, good.memory)
        assert (loaded.outcome, loaded.message) == ("loads", ""), good.seed.name
