"""Generated snapshots are sound, and have the requested contents."""

import random

import numpy as np
import pytest

import mappedram
from mappedram.check import check
from mappedram.fuzz.defects import ALIGNMENT_NOTE, BASE
from mappedram.fuzz.generate import HUGE, Limits, snapshot
from mappedram.fuzz.sound import DeviceSpec, SnapshotSpec, pattern
from mappedram.fuzz.sparse import SparseFile

#: Notes on legal properties that were requested: no JSON text, a shared block, small alignment.
NOTES = {"MR041", "MR209", ALIGNMENT_NOTE}


def codes(file: SparseFile) -> set[str]:
    with file.opened() as fd:
        return {finding.code for finding in check(fd, file.offset).findings}


@pytest.mark.parametrize("seed", range(60))
def test_sound(seed: int) -> None:
    assert codes(snapshot(random.Random(seed)).file()) <= NOTES


@pytest.mark.parametrize("seed", range(20))
def test_base_of_defects_has_no_findings_at_all(seed: int) -> None:
    assert codes(snapshot(random.Random(seed), BASE).file()) == set()


@pytest.mark.parametrize("seed", range(40))
def test_file_holds_what_the_value_says(seed: int) -> None:
    spec = snapshot(random.Random(seed))
    with spec.file().opened() as fd, mappedram.open(fd, spec.offset) as opened:
        assert opened.stream.capabilities == spec.capabilities
        assert opened.complete
        for number, (block, wanted) in enumerate(zip(opened.blocks, spec.blocks, strict=True)):
            assert (block.idstr, block.model.ignored) == (wanted.idstr, wanted.ignored)
            assert block.used_length == wanted.num_pages * spec.page_size
            if not wanted.ignored:
                assert [tuple(run) for run in block.runs().tolist()] == list(wanted.runs)
            for start, stop in wanted.runs:
                stored = block.read(start * spec.page_size, (stop - start) * spec.page_size)
                assert stored == pattern(number, start, stop, spec.page_size).tobytes()


@pytest.mark.parametrize("seed", range(20))
def test_stream_holds_the_same_memory(seed: int) -> None:
    spec = snapshot(random.Random(seed), Limits(plain=True))
    with (
        spec.file().opened() as mapped,
        spec.stream().opened() as plain,
        mappedram.open(mapped) as before,
        mappedram.open(plain) as after,
    ):
        assert not after.stream.mapped_ram
        for block in before.blocks:
            twin = after.block[block.idstr]
            assert twin.read(0, block.used_length) == block.read(0, block.used_length)


def test_variety() -> None:
    """Everything that the limits permit is drawn."""
    specs = [snapshot(random.Random(seed)) for seed in range(200)]
    for name in ("page_size", "footers", "description", "offset", "parts", "switchover", "machine"):
        assert len({getattr(spec, name) for spec in specs}) > 1, name
    assert any(block.ignored for spec in specs for block in spec.blocks)
    assert {len(spec.blocks) for spec in specs} == {1, 2, 3}


def test_pages_say_which_they_are() -> None:
    words = pattern(2, 5, 7, 1024).reshape(2, -1)
    assert np.unique(words[0]).tolist() == [(3 << 48) + 5]
    assert np.unique(words[1]).tolist() == [(3 << 48) + 6]


def test_huge_ones_take_no_space() -> None:
    spec = snapshot(random.Random(3), HUGE)
    file = spec.file()
    assert file.size > 100 << 30
    assert file.stored < 1 << 20
    assert codes(file) <= NOTES


def test_same_seed_same_file() -> None:
    first, again = (snapshot(random.Random("9/4")).file() for _ in range(2))
    assert first == again


def test_early_devices_stand_before_ram() -> None:
    spec = SnapshotSpec("none", 4096, snapshot(random.Random(1)).blocks, align=1 << 20)
    early = DeviceSpec("virtio-mem-device-early", 7, state=b"state")
    file = SnapshotSpec("none", 4096, spec.blocks, align=1 << 20, early=(early,)).file()
    with file.opened() as fd, mappedram.open(fd) as opened:
        assert opened.sections[0].idstr == early.idstr
    assert codes(file) == set()
