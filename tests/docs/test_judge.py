"""The explorer says of a file what `mappedram check` says: the same codes, places and words."""

import gzip
import json
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mappedram.check import RULES, check
from tests.check.cases import CASES
from tests.check.draft import Draft
from tests.conftest import FIXTURES, Fixture, Fixtures, manifest
from tests.files import copy_sparse, patch
from tests.stream.libvirt.samples import NAMES, Samples
from tools.docs import explorer, words
from tools.docs.site import ROOT
from tools.generate.ksc import ToolMissingError

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no Node: run tools/install")

_FILES = ROOT / "tests" / "conformance" / "drivers" / "javascript" / "file_source.js"
_SAID = ("code", "offset", "length", "path", "message", "expected", "actual")
#: Where the fixtures are cut: in each structure before the pages, in pages, behind them.
CUTS = (0, 3, 6, 20, 60, 100, 145, 200, 0x100000, 5_000_000, -5000, -300, -1)


class Asked(NamedTuple):
    """A file, and where the stream begins in it."""

    path: Path
    offset: int = 0


Explore = Callable[[list[Asked]], list[Any]]


@pytest.fixture(scope="module")
def explore(tmp_path_factory: pytest.TempPathFactory) -> Explore:
    """What the explorer reads and says of files."""
    folder = tmp_path_factory.mktemp("bundle")
    try:
        text = explorer.bundle(ROOT / "build" / "docs" / "cache")
    except ToolMissingError as error:
        pytest.skip(str(error))
    bundle = folder / "bundle.js"
    bundle.write_text(text, encoding="utf-8")

    def explore(asked: list[Asked]) -> list[Any]:
        lines = "\n".join(json.dumps({"path": str(p), "offset": o}) for p, o in asked)
        script = Path(__file__).with_name("explored.js")
        command = ["node", str(script), str(bundle), str(_FILES)]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return explore


def agree(asked: list[Asked], explore: Explore) -> int:
    """Compare the page with `check`; return the number of findings that were compared."""
    compared = 0
    for (path, offset), page in zip(asked, explore(asked), strict=True):
        left_out = set(page["unchecked"])
        mine = [tuple(finding[key] for key in _SAID) for finding in page["findings"]]
        told = [f for f in check(path, offset).findings if f.code not in left_out]
        theirs = [tuple(getattr(finding, key) for key in _SAID) for finding in told]
        # A page that reads no further, and says so, finds no more.
        assert mine == ([one for one in theirs if one in mine] if page["limits"] else theirs), path
        # The remedy, unless it needs to try a repair, or what releases of QEMU do.
        remedies = {finding["remedy"] for finding in page["findings"]} - {None}
        assert remedies <= {finding.remedy for finding in told}, path
        assert all(finding.remedy for finding in told), path
        compared += len(mine)
    return compared


def cuts(path: Path, offset: int, folder: Path) -> Iterator[Asked]:
    """The file, and what is left of it after each cut."""
    yield Asked(path, offset)
    size = path.stat().st_size
    for cut in {cut + size if cut < 0 else cut for cut in CUTS}:
        if 0 <= cut < size:
            short = copy_sparse(path, folder / f"{path.name}-{cut}")
            with short.open("r+b") as file:
                file.truncate(cut)
            yield Asked(short, offset)


@pytest.mark.parametrize("name", [n for n in manifest() if (FIXTURES / f"{n}.tar.gz").exists()])
def test_every_fixture_and_each_cut_of_it(
    name: str, fixtures: Fixtures, tmp_path: Path, explore: Explore
) -> None:
    fixture = fixtures[name]
    assert agree(list(cuts(fixture.path, fixture.offset, tmp_path)), explore) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_every_image_of_libvirt_and_each_cut_of_it(
    name: str, samples: Samples, tmp_path: Path, explore: Explore
) -> None:
    assert agree(list(cuts(samples[name].path, 0, tmp_path)), explore) >= 8


def test_every_change_that_breaks_a_rule(
    fixtures: Fixtures, tmp_path: Path, explore: Explore
) -> None:
    asked = []
    for case in CASES:
        (tmp_path / case.name).mkdir()
        draft = Draft(fixtures[case.fixture], tmp_path / case.name)
        case.change(draft)
        asked.append(Asked(draft.path, draft.base))
    assert agree(asked, explore) > len(asked) / 2


@pytest.mark.parametrize("name", ["pc", "killed", "offset-unaligned", "plain"])
def test_files_that_are_compressed(
    name: str, fixtures: Fixtures, tmp_path: Path, explore: Explore
) -> None:
    whole = fixtures[name].path.read_bytes()[fixtures[name].offset :]
    asked = []
    for cut in (len(whole), 5_000_000, 200, 20, 5):
        path = tmp_path / f"{name}-{cut}.gz"
        path.write_bytes(b"####" + gzip.compress(whole[:cut], 1))
        asked.append(Asked(path, 4))
    assert agree(asked, explore) >= 3
    packed = asked[0].path
    packed.write_bytes(packed.read_bytes()[:-2000])
    (page,) = explore([Asked(packed, 4)])
    assert any("end too early" in limit["message"] for limit in page["limits"])


def other_files(folder: Path, unaligned: Fixture) -> Iterator[Asked]:
    """Files without a stream at the offset."""
    for name, data in {
        "empty": b"",
        "text": b"not a snapshot\n" * 5,
        "quotes": b"'\"\\\0\xff",
        "elf": b"\x7fELF" + bytes(60),
        "qcow2": b"QFI\xfb" + bytes(60),
        "version": b"QEVM\0\0\0\2" + bytes(60),
        "image": b"LibvirtQemudSave\xff\xff\xff\xff" + bytes(72),
        "gzip": gzip.compress(b"not a snapshot\n"),
    }.items():
        path = folder / name
        path.write_bytes(data)
        yield Asked(path)
        yield Asked(path, 1)
        yield Asked(path, 1 << 20)
    yield Asked(unaligned.path, 0)
    yield Asked(unaligned.path, unaligned.offset - 1)


def test_other_files(fixtures: Fixtures, tmp_path: Path, explore: Explore) -> None:
    asked = list(other_files(tmp_path, fixtures["offset-unaligned"]))
    assert agree(asked, explore) >= len(asked) - 4  # of a qcow2 image, the page has nothing
    *_, before, beside = explore(asked)
    (finding,) = before["findings"]
    offset = fixtures["offset-unaligned"].offset
    assert f"`--offset {offset:#x}`" in finding["remedy"]
    assert before["elsewhere"] == beside["elsewhere"] == offset


@pytest.mark.parametrize("name", ["none", "uuid", "no-footers", "ignore-shared"])
def test_damaged_files(name: str, fixtures: Fixtures, tmp_path: Path, explore: Explore) -> None:
    chance = random.Random(name)
    fixture = fixtures[name]
    size = fixture.path.stat().st_size
    asked = []
    for number in range(60):
        path = copy_sparse(fixture.path, tmp_path / f"{number}")
        for _ in range(chance.randint(1, 2)):
            place = chance.choice([chance.randrange(260), size - 1 - chance.randrange(20_000)])
            patch(path, place, bytes([chance.choice([0, 1, 5, 0x7E, 0x7F, 0x80, 0xFF])]))
        asked.append(Asked(path, fixture.offset))
    assert agree(asked, explore) > 20


def test_rules_that_the_page_leaves_out(fixtures: Fixtures, explore: Explore) -> None:
    (page,) = explore([Asked(fixtures["pc"].path)])
    # They need pages, another parser, or what the releases of QEMU do.
    assert set(page["unchecked"]) < set(RULES)
    assert len(page["unchecked"]) < len(RULES) / 3
    assert page["limits"] == []


def test_messages_come_from_the_source() -> None:
    """The data has the text of each message, which the rules and the reader have nowhere else."""
    said = words.words()["MR402"].defects[0]
    assert said["message"][0] == "the bitmap of block "
    assert said["message"][1] == ("block.idstr", "r", "")
    assert words.expected()["ramblock_header"]["mapped_ram/version"] == ("<= 1", 4)
