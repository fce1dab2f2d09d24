"""`check` has the same findings on a metadump as on the file: for all fixtures and defects."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mappedram import strategies
from mappedram.check import RULES, check
from mappedram.errors import UnsupportedError
from mappedram.export.metadump import Options
from mappedram.fuzz.defects import NOT_BY_A_FILE
from mappedram.io.opening import open_source
from mappedram.stream.libvirt import detect
from tests.check.cases import CASES, Case
from tests.check.draft import Draft
from tests.conftest import Fixtures, manifest
from tests.export.metadump.making import contents, metadump, outcomes
from tests.files import copy_sparse, extents, memory_file
from tests.hostile.files import FILES
from tests.stream.libvirt.samples import COMPRESSED, NAMES, Samples
from tests.stream.libvirt.test_rules import CASES as IMAGE_CASES
from tests.stream.libvirt.test_rules import Case as ImageCase

#: Files without a stream, of which no metadump can be made.
NO_STREAM = {"MR004-not_a_stream"}
#: The loader goes on through bytes that no reader knows.
OTHER_VERDICT = {"MR014-blocks_without_addr"}


@pytest.mark.parametrize("name", sorted(manifest()))
def test_fixture(fixtures: Fixtures, name: str) -> None:
    """Every second one has digests."""
    fixture = fixtures[name]
    key = b"key" if sorted(manifest()).index(name) % 2 else None
    before = check(fixture.path, fixture.offset)
    with metadump(fixture.path, fixture.offset, Options(key=key)) as fd:
        after = check(fd, fixture.offset)
        assert after.findings == before.findings
        assert outcomes(after) == outcomes(before)
        assert os.fstat(fd).st_size < 32 << 10
        with open_source(fd) as source:
            assert list(source.extents(0, source.size)) == extents(fixture.path)
            assert source.size == fixture.path.stat().st_size


@pytest.mark.parametrize("name", [name for name in NAMES if name not in COMPRESSED])
def test_save_image(samples: Samples, name: str) -> None:
    path = samples[name].path
    before = check(path)
    with metadump(path) as fd:
        assert check(fd).findings == before.findings


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_defect(fixtures: Fixtures, tmp_path: Path, case: Case) -> None:
    draft = Draft(fixtures[case.fixture], tmp_path)
    case.change(draft)
    before = check(draft.path, draft.base)
    assert case.code in {finding.code for finding in before.findings}
    if case.name in NO_STREAM:
        with pytest.raises(UnsupportedError), metadump(draft.path, draft.base):
            pass
        return
    with metadump(draft.path, draft.base) as fd:
        after = check(fd, draft.base)
    assert after.findings == before.findings
    assert (outcomes(after) == outcomes(before)) == (case.name not in OTHER_VERDICT)


@pytest.mark.parametrize(
    "case",
    [case for case in IMAGE_CASES if case.sample not in COMPRESSED],
    ids=lambda case: f"{case.code}-{case.change.__name__}",
)
def test_defect_of_an_image(samples: Samples, tmp_path: Path, case: ImageCase) -> None:
    path = copy_sparse(samples[case.sample].path, tmp_path / "image")
    case.change(path)
    before = check(path)
    with metadump(path) as fd:
        assert check(fd).findings == before.findings


@pytest.mark.parametrize("code", sorted(RULES.keys() - NOT_BY_A_FILE.keys()))
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_broken(code: str, data: st.DataObject) -> None:
    file = data.draw(strategies.broken(code))
    with file.opened() as original:
        if not has_stream(original, file.offset):
            with pytest.raises(UnsupportedError), metadump(original, file.offset):
                pass
            return
        with metadump(original, file.offset) as fd:
            assert check(fd, file.offset).findings == check(original, file.offset).findings


def has_stream(fd: int, offset: int) -> bool:
    """Whether a stream, or an image with an uncompressed one, begins there."""
    with open_source(fd) as source:
        image = detect(source, offset)
        return not image.compressed if image else source.read(offset, 8) == b"QEVM\0\0\0\3"


@settings(max_examples=40)
@given(file=strategies.mutated())
def test_mutated(file: strategies.SparseFile) -> None:
    with file.opened() as original:
        assume(has_stream(original, file.offset))
        with metadump(original, file.offset) as fd:
            assert check(fd, file.offset).findings == check(original, file.offset).findings


@pytest.mark.parametrize("length", [0x47, 0x60, 0x8B, 0x5000, 0x90000, 0x1604270, -1000])
def test_cut(fixtures: Fixtures, tmp_path: Path, length: int) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    draft.resize(length % draft.size)
    with metadump(draft.path) as fd:
        assert check(fd).findings == check(draft.path).findings


@pytest.mark.parametrize("cut", [0x47, 0x60, 0x8B, 0x1000, 0x1005, 0x9000, 100_003, -40_000])
def test_cut_stream(fixtures: Fixtures, tmp_path: Path, cut: int) -> None:
    """Cut a stream without mapped-ram, in records and between them."""
    draft = Draft(fixtures["plain"], tmp_path)
    draft.resize(cut % draft.size)
    with metadump(draft.path) as fd:
        assert check(fd).findings == check(draft.path).findings


@pytest.mark.parametrize("byte", range(8))
def test_damaged_record(fixtures: Fixtures, tmp_path: Path, byte: int) -> None:
    draft = Draft(fixtures["plain"], tmp_path)
    with draft.snapshot() as snapshot:
        places = snapshot.block["pc.ram"].recorded
        assert places is not None
        place = int(places.places[places.places > 0][40])
    draft.write(place - 8 + byte, b"\xa7")
    with metadump(draft.path) as fd:
        assert check(fd).findings == check(draft.path).findings


def test_metadump_of_a_metadump(fixtures: Fixtures) -> None:
    with metadump(fixtures["live"].path) as first, metadump(first) as second:
        assert contents(second) == contents(first)
        assert check(second).findings == check(fixtures["live"].path).findings


def test_fragmented(fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch) -> None:
    """If there are too many extents, those without effect are left out."""
    path = fixtures["live"].path
    monkeypatch.setattr("mappedram.export.metadump.write.EXTENTS_MAX", 2)
    with metadump(path) as fd:
        assert len(extents(fd)) < len(extents(path))
        assert check(fd).findings == check(path).findings
    monkeypatch.setattr("mappedram.export.metadump.packing.NUMBERS_MAX", 2)
    with pytest.raises(UnsupportedError, match="too fragmented"), metadump(path):
        pass


def test_nothing_but_a_header() -> None:
    with memory_file(b"QEVM\0\0\0\3\x42") as original, metadump(original) as fd:
        assert check(fd).findings == check(original).findings


@pytest.mark.parametrize("name", ["json_of_digits", "json_of_brackets", "json_of_one_string"])
def test_too_much_json(name: str) -> None:
    """Texts without a single wrong byte; none of their words stay."""
    with memory_file(FILES[name]()) as original, metadump(original) as fd:
        assert check(fd).findings == check(original).findings


def test_announced_fields_that_are_not_there(tmp_path: Path) -> None:
    """Without the announced `addr`, the reader takes other bytes for the header of the block."""
    path = tmp_path / "without-addr"
    path.write_bytes(
        b"QEVM\0\0\0\3\7\0\0\0\4none\5\x1aconfiguration/capabilities\0\0\0\1\0\0\0\2"
        b"\x0fx-ignore-shared\x0amapped-ram"
        + bytes.fromhex(
            "01000000010372616d00000000000000040000000000000404"
        )  # START of RAM and MEM_SIZE
        + bytes.fromhex("0770632e72616d000000000000040000")  # name and length of the block
        + bytes.fromhex("0000000000100000000001000000000000040000000000")
        + bytes(2000)
    )
    findings = check(path).findings
    assert [finding.code for finding in findings] == ["MR001"]
    with metadump(path) as fd:
        assert check(fd).findings == findings
