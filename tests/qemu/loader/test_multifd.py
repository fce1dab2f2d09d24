"""Loading with multifd uses another loader: files that are truncated, or have wrong offsets."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import mappedram
from mappedram.io.opening import open_source
from mappedram.qemu.loader import RELEASES, Destination, Verdict, verdicts
from mappedram.qemu.run.guests import GUESTS
from mappedram.qemu.run.load import QemuLoader
from mappedram.stream.snapshot import OpenSnapshot
from tests.conftest import Fixtures
from tests.files import copy_sparse, field_place, patch
from tests.qemu.test_fresh import binary
from tools.campaign.seeds import fill
from tools.qemu import version

PAGE = 4096
OLD = [release for release in RELEASES if not release.startswith("11.1")]


def pages_offset(snapshot: OpenSnapshot) -> int:
    return snapshot.blocks[0].model.pages_offset or 0


def behind(snapshot: OpenSnapshot, run: int, pages: int, extra: int) -> int:
    """Place behind the beginning of a run of the first block, by pages and bytes."""
    first = int(snapshot.blocks[0].runs()[run, 0])
    return pages_offset(snapshot) + (first + pages) * PAGE + extra


def bitmap_offset(snapshot: OpenSnapshot) -> int:
    return snapshot.blocks[0].model.bitmap_offset or 0


def last_end(snapshot: OpenSnapshot) -> int:
    return pages_offset(snapshot) + int(snapshot.blocks[0].runs()[-1, 1]) * PAGE


#: Where a file is truncated; the results with multifd up to 11.0, and in 11.1. Without it, all
#: refuse.
CUTS: dict[str, tuple[Callable[[OpenSnapshot], int], str, str]] = {
    "in the bitmap": (lambda s: bitmap_offset(s) + 9, "refuses", "refuses"),
    "before the pages": (pages_offset, "crashes", "crashes"),
    "in the first run": (lambda s: behind(s, 0, 0, 100), "crashes", "crashes"),
    "between two runs": (lambda s: behind(s, 1, 0, 0) - 100, "crashes", "crashes"),
    "in the second run": (lambda s: behind(s, 1, 0, 100), "crashes", "crashes"),
    "before the last run": (lambda s: behind(s, -1, 0, 0), "crashes", "hangs"),
    "in the last run": (lambda s: behind(s, -1, 0, 100), "crashes", "hangs"),
    "at the end of the last run": (lambda s: last_end(s) - 1, "crashes", "hangs"),
    "behind the last run": (last_end, "refuses", "refuses"),
    "behind the area": (
        lambda s: pages_offset(s) + s.blocks[0].used_length,
        "refuses",
        "refuses",
    ),
    "behind RAM": (lambda s: s.sections[-2].offset, "refuses", "refuses"),
}


def cut(original: Path, place: Callable[[OpenSnapshot], int], path: Path) -> Path:
    copy_sparse(original, path)
    with mappedram.open(original) as snapshot, path.open("r+b") as file:
        file.truncate(place(snapshot))
    return path


def judged(original: Path, path: Path) -> dict[str, Verdict]:
    with mappedram.open(original) as snapshot, open_source(path) as source:
        return verdicts(source, destination=Destination.of(snapshot))


@pytest.fixture(scope="module")
def runs(fixtures: Fixtures) -> Path:
    """A file with a block whose runs are spread over it."""
    return fixtures["none"].path


@pytest.mark.parametrize("name", CUTS)
def test_cut_files(name: str, runs: Path, tmp_path: Path) -> None:
    place, old, new = CUTS[name]
    found = judged(runs, cut(runs, place, tmp_path / "cut"))
    assert {verdict.outcome for verdict in found.values()} == {"refuses"}
    assert {found[release].multifd for release in OLD} == {old}
    assert found["11.1.3"].multifd == new


def test_whole_files(fixtures: Fixtures) -> None:
    """The memory is right, as without multifd; streams without mapped-ram have no such verdict."""
    for name in ("pc", "multifd3"):
        with open_source(fixtures[name].path) as source:
            found = verdicts(source)
        assert found["10.0"].multifd == "loads"
        assert all(verdict.multifd == verdict.outcome for verdict in found.values()), name
    with open_source(fixtures["plain"].path) as source:
        assert {verdict.multifd for verdict in verdicts(source).values()} == {None}


def elsewhere(original: Path, path: Path, offset: int, *, alone: bool) -> Path:
    """The only block has its pages elsewhere; with `alone`, only page 0 has a bit."""
    copy_sparse(original, path)
    with mappedram.open(original) as snapshot:
        place, _ = field_place(snapshot, "/ram/blocks[0]/mapped_ram/pages_offset")
        patch(path, place, (offset % (1 << 64)).to_bytes(8, "big"))
        if alone:
            size = snapshot.blocks[0].model.bitmap_size
            patch(path, bitmap_offset(snapshot), b"\1".ljust(size, b"\0"))
    return path


#: Offset of page 0, whether it is the only page, and the result with multifd.
PLACES = [
    (-PAGE, False, "crashes", "crashes"),
    (-PAGE, True, "hangs", "hangs"),
    (1 << 40, False, "crashes", "crashes"),
    (1 << 40, True, "crashes", "hangs"),
]


@pytest.mark.parametrize(("offset", "alone", "old", "new"), PLACES)
def test_pages_that_are_nowhere(
    offset: int, alone: bool, old: str, new: str, runs: Path, tmp_path: Path
) -> None:
    """At impossible offsets, a channel has an error to pass on in all releases."""
    found = judged(runs, elsewhere(runs, tmp_path / "file", offset, alone=alone))
    assert {verdict.outcome for verdict in found.values()} == {"refuses"}
    assert {found[release].multifd for release in OLD} == {old}
    assert found["11.1.3"].multifd == new


# Against QEMU.


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    qemu = binary("x86_64")
    if version(qemu)[:2] != (10, 0):
        pytest.skip("what was measured is QEMU 10.0")
    path = tmp_path_factory.mktemp("multifd") / "saved"
    with QemuLoader(qemu, "none") as loader:
        loader.save(path, fill)
    return path


def loaded(path: Path) -> str:
    """The outcome with multifd and two channels."""
    guest = replace(GUESTS["none"], capabilities=("mapped-ram", "multifd"))
    with QemuLoader(binary("x86_64"), guest, timeout=3) as loader:
        return loader.load(path).outcome


@pytest.mark.qemu
@pytest.mark.parametrize("name", CUTS)
def test_qemu_and_cut_files(name: str, saved: Path, tmp_path: Path) -> None:
    path = cut(saved, CUTS[name][0], tmp_path / "cut")
    assert loaded(path) == judged(saved, path)["10.0"].multifd == CUTS[name][1]


@pytest.mark.qemu
@pytest.mark.parametrize(("offset", "alone", "outcome"), [place[:3] for place in PLACES])
def test_qemu_and_pages_that_are_nowhere(
    offset: int, alone: bool, outcome: str, saved: Path, tmp_path: Path
) -> None:
    path = elsewhere(saved, tmp_path / "file", offset, alone=alone)
    assert judged(saved, path)["10.0"].multifd == outcome
    # The loader learns of the error too late if few pages are left.
    late = {"hangs"} if offset < 0 else set()
    assert loaded(path) in {outcome} | late


@pytest.mark.qemu
def test_qemu_and_a_whole_file(saved: Path) -> None:
    assert loaded(saved) == judged(saved, saved)["10.0"].multifd == "loads"
