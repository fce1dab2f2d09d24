"""No guest memory or secret is in a metadump, whatever file it was made from."""

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

import mappedram
from mappedram.check import check
from mappedram.export.metadump import Options, Policy
from mappedram.format.constants import SectionType
from mappedram.io.opening import open_source
from tests.check.draft import Draft
from tests.conftest import Fixtures
from tests.export.metadump.making import contents, metadump, pieces_of
from tests.files import copy_sparse, extents, patch
from tests.stream.libvirt.samples import Samples

#: Each piece of eight bytes in it is unique.
SECRET = random.Random(7).randbytes(4096)
#: Repeated, so that pages at any alignment hold it whole.
FILLED = SECRET * 256


def fill(path: Path, start: int, end: int) -> None:
    """Write secrets over all data in [start, end)."""
    with open_source(path) as source:
        places = list(source.extents(start, end))
    for first, last in places:
        patch(path, first, FILLED[: last - first])


def everything(fd: int) -> bytes:
    """The contents of a metadump, its raw bytes, and its description of itself."""
    with open_source(fd) as source:
        assert source.packed is not None
        said = json.dumps(source.packed.summary).encode()
    stored = os.pread(fd, os.fstat(fd).st_size, 0)
    return contents(fd) + stored + said


@pytest.mark.parametrize("name", ["pc", "live", "arm-1k", "killed"])
@pytest.mark.parametrize("key", [None, b"key"], ids=["none", "hash"])
def test_pages(fixtures: Fixtures, tmp_path: Path, name: str, key: bytes | None) -> None:
    path = copy_sparse(fixtures[name].path, tmp_path / "file")
    with mappedram.open(path, partial=True) as snapshot:
        areas = [region for region in snapshot.regions() if region.kind == "pages"]
    for area in areas:
        fill(path, area.offset, area.end)
    with metadump(path, options=Options(key=key)) as fd:
        assert SECRET[:8] in path.read_bytes()
        assert pieces_of(SECRET, everything(fd)) == set()
        assert check(fd).findings == check(path).findings


def test_pages_of_a_stream(fixtures: Fixtures, tmp_path: Path) -> None:
    path = copy_sparse(fixtures["plain"].path, tmp_path / "file")
    with mappedram.open(path) as snapshot:
        blocks = [block.recorded for block in snapshot.blocks if block.recorded]
    for pages in blocks:
        for place in pages.places[pages.places > 0].tolist():
            patch(path, place, FILLED[: pages.page_size])
    with metadump(path) as fd:
        assert pieces_of(SECRET, everything(fd)) == set()
        with mappedram.open(path) as before, mappedram.open(fd) as after:
            assert np.array_equal(before.blocks[0].runs(), after.blocks[0].runs())


def test_gaps_and_what_follows(fixtures: Fixtures, tmp_path: Path) -> None:
    """Padding, bytes before the stream, and bytes behind it; one byte of padding is shown."""
    draft = Draft(fixtures["offset-unaligned"], tmp_path)
    block = draft.block("pc.ram")
    assert block.bitmap_offset is not None
    padding = block.bitmap_offset + block.bitmap_size
    draft.write(padding + 100, SECRET)
    draft.write(0, SECRET[:256])
    draft.write(draft.size, SECRET)
    before = check(draft.path, draft.base)
    assert [finding.code for finding in before.findings] == ["MR403", "MR043"]
    with metadump(draft.path, draft.base) as fd:
        assert pieces_of(SECRET, everything(fd)) == set()
        assert check(fd, draft.base).findings == before.findings


def test_pages_taken_for_headers(fixtures: Fixtures, tmp_path: Path) -> None:
    """With a wrong length, the reader parses pages as headers."""
    draft = Draft(fixtures["pc"], tmp_path)
    block = draft.block("pc.ram")
    assert block.pages_offset is not None
    place = block.pages_offset + 16 * 4096
    draft.write(place, FILLED[: 1 << 16])
    draft.set_in("pc.ram", "used_length", place + 8 - block.pages_offset)
    before = check(draft.path)
    assert {"MR001"} <= {finding.code for finding in before.findings}
    with metadump(draft.path) as fd:
        assert pieces_of(SECRET, everything(fd)) == set()
        assert check(fd).findings == before.findings


def test_payload_that_nothing_describes(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["no-vmdesc"], tmp_path)
    section = draft.section(SectionType.FULL, "cpu")
    draft.write(section.payload_offset, FILLED[: section.payload_length])
    with metadump(draft.path, options=Options(Policy("default"))) as fd:
        assert pieces_of(SECRET, everything(fd)) == set()
        assert check(fd).findings == check(draft.path).findings


def test_live_devices(fixtures: Fixtures, tmp_path: Path) -> None:
    """Bytes between the structures of records, even with `--state all`."""
    draft = Draft(fixtures["pseries"], tmp_path)
    with draft.snapshot() as snapshot:
        (payload,) = (
            region
            for region in snapshot.regions()
            if region.kind == "payload" and region.name == "payload of PART spapr/htab"
        )
    draft.write(payload.offset, SECRET[: payload.length])
    with metadump(draft.path, options=Options(Policy("all"))) as fd:
        assert pieces_of(SECRET, everything(fd)) == set()
        assert check(fd).findings == check(draft.path).findings


@pytest.mark.parametrize("name", ["pc", "q35", "aarch64-virt", "riscv64-virt", "s390x"])
def test_blanked_fields(fixtures: Fixtures, tmp_path: Path, name: str) -> None:
    """Fields that are left out by default, filled with secrets; and `--state none`."""
    path = copy_sparse(fixtures[name].path, tmp_path / "file")
    with mappedram.open(path) as before, metadump(path) as fd, mappedram.open(fd) as after:
        blanked = [
            (leaf.offset, leaf.length)
            for old, new in zip(before.state, after.state, strict=True)
            for (_, leaf), (_, other) in zip(old.leaves(), new.leaves(), strict=True)
            if leaf.value != other.value
        ]
        longest = max(blanked, key=lambda place: place[1])
    assert len(blanked) > 10
    at = 0
    for offset, length in blanked:
        patch(path, offset, (SECRET + SECRET)[at : at + length])
        at = (at + length) % 4096
    with mappedram.open(path) as snapshot:
        assert snapshot.source.read(*longest) != bytes(longest[1])
    with metadump(path) as fd:
        assert pieces_of(SECRET, everything(fd), 8) == set()
    with metadump(path, options=Options(Policy("none"))) as fd:
        assert pieces_of(SECRET, everything(fd), 8) == set()
        assert check(fd).findings == check(path).findings
    with metadump(path, options=Options(Policy("all"))) as fd:
        assert pieces_of(SECRET, everything(fd), 8)


def test_image(samples: Samples, tmp_path: Path) -> None:
    """The unused part of the header, the slack, and a text that is not XML."""
    path = copy_sparse(samples["sparse"].path, tmp_path / "image")
    with open_source(path) as source:
        from mappedram.stream.libvirt import detect

        found = detect(source)
        assert found is not None
        text, slack = found.xml_text, found.text_end
    patch(path, 40, SECRET[:40])
    patch(path, slack + 64, SECRET[:1000])
    patch(path, text.offset, SECRET.replace(b"\0", b"x")[: text.length])
    before = check(path)
    assert {"MR505", "MR507"} <= {finding.code for finding in before.findings}
    with metadump(path) as fd:
        assert pieces_of(SECRET, everything(fd), 4) == set()
        assert check(fd).findings == before.findings


def test_uuid(fixtures: Fixtures) -> None:
    path = fixtures["uuid"].path
    with mappedram.open(path) as snapshot:
        assert snapshot.stream.configuration
        uuid = snapshot.stream.configuration.uuid
    assert uuid
    with metadump(path) as fd:
        assert uuid not in everything(fd)
    with metadump(path, options=Options(names=True)) as fd:
        assert uuid in everything(fd)


def test_holes_stay(fixtures: Fixtures) -> None:
    path = fixtures["many-runs"].path
    with metadump(path) as fd:
        assert extents(fd) == extents(path)
