"""`mappedram check --rebuild`: each file built of its own values, by both declarations."""

import json
from pathlib import Path

import pytest
from hypothesis import given

import mappedram
from mappedram.check.rebuild import rebuilt
from mappedram.format import drivers
from mappedram.io.source import Source
from mappedram.stream.reader import kaitai_walk
from mappedram.stream.rebuild import build_again
from tests.cli.conftest import Run, patched, run
from tests.conftest import Fixtures, manifest
from tests.files import copy_sparse, field_place, memory_file, patch
from tests.stream.reader.test_reader import oracle_files
from tools.oracle import OracleBlock, OracleFile

__all__ = ["run"]

#: A sum that is not that of the blocks.
_TOTAL = (0x7F000004).to_bytes(8, "big")
#: Fixtures that end before their stream does, on purpose.
CUT = {"ignore-shared-failed", "killed", "libvirt-interrupted"}


@pytest.mark.parametrize("name", manifest())
def test_every_whole_fixture_is_identical(fixtures: Fixtures, name: str) -> None:
    fixture = fixtures[name]
    for one in rebuilt(str(fixture.path), fixture.offset):
        assert (one.identical, one.mismatch) == (None if name in CUT else True, None), one.text


@pytest.mark.parametrize("name", drivers.DRIVERS)
@given(model=oracle_files())
def test_generated_files_are_identical(name: drivers.DriverName, model: OracleFile) -> None:
    """Written by a program that shares no code with the declarations."""
    with memory_file() as fd:
        model.write(fd)
        with Source(fd) as source:
            assert build_again(source, model.offset, drivers.get(name)).mismatch is None


@pytest.mark.parametrize("name", drivers.DRIVERS)
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/sections[0]/mem_size/total_and_flags", _TOTAL),
        ("/ram/blocks[1]/mapped_ram/bitmap_offset", (0x1000).to_bytes(8, "big")),
    ],
)
def test_what_is_derived_is_not_taken_from_the_file(
    fixtures: Fixtures, tmp_path: Path, name: drivers.DriverName, path: str, data: bytes
) -> None:
    copy = copy_sparse(fixtures["pc"].path, tmp_path / "copy")
    with mappedram.open(copy) as snapshot:
        offset, length = field_place(snapshot, path)
        before = snapshot.source.read(offset, length)
    patch(copy, offset, data)
    with Source(copy) as source:
        found = build_again(source, 0, drivers.get(name)).mismatch
    first = next(at for at, pair in enumerate(zip(before, data, strict=True)) if len(set(pair)) > 1)
    assert found is not None
    assert found.offset == offset + first
    assert path.startswith(found.path)
    assert found.expected.startswith(before[first:].hex(" "))
    assert found.actual.startswith(data[first:].hex(" "))


def test_pages_where_no_writer_puts_them_stay_where_they_are() -> None:
    """Offsets that follow from no boundary are values like others."""
    model = OracleFile([OracleBlock("a", 0x2000), OracleBlock("b", 0x1000)], align=3 << 12)
    with memory_file() as fd:
        model.write(fd)
        with mappedram.open(fd) as snapshot, Source(fd) as source:
            assert snapshot.stream.alignment is None
            assert build_again(source, 0, drivers.get("construct")).mismatch is None


def test_a_person_reads_where_a_byte_differs(run: Run, fixtures: Fixtures, tmp_path: Path) -> None:
    whole, cut = fixtures["pc"].path, fixtures["killed"].path
    wrong = patched(fixtures["pc"], tmp_path, "/sections[0]/mem_size/total_and_flags", _TOTAL)
    done = run("check", "--rebuild", whole)
    assert done.status == 0
    assert done.out.splitlines()[-1] == f"{whole}: identical (construct), identical (kaitai)"
    done = run("check", "--rebuild", wrong)
    assert done.status == 2
    assert "differs (kaitai) at " in done.out.splitlines()[-1]
    assert "/sections[0]/mem_size: built " in done.out.splitlines()[-1]
    assert done.out.endswith("the file has 7f 00 00 04\n")
    done = run("check", "--rebuild", cut)
    assert "not rebuilt (construct): section_type: the file ends" in done.out.splitlines()[-1]


def test_what_cannot_be_built_does_not_keep_others_from_it(run: Run, fixtures: Fixtures) -> None:
    whole = fixtures["none"].path
    done = run("check", "--rebuild", "/dev/null", "/no/such/file", whole)
    assert done.status == 1
    assert "/dev/null: not rebuilt (construct): a character device" in done.out
    assert done.out.splitlines()[-1] == f"{whole}: identical (construct), identical (kaitai)"


@pytest.mark.parametrize("name", ["plain", "no-footers"])
def test_it_says_how_far_kaitai_goes(run: Run, fixtures: Fixtures, name: str) -> None:
    path = fixtures[name].path
    with mappedram.open(path, driver="kaitai", partial=True) as snapshot:
        end = snapshot.stream.end
        assert end < snapshot.source.size
    done = run("check", "--rebuild", path)
    assert done.out.endswith(f"identical (construct), identical (kaitai, up to {end:#x})\n")
    (entry,) = json.loads(run("check", "--rebuild", "--output", "json", path).out)
    assert entry["rebuilt"]["construct"]["end"] is None
    assert entry["rebuilt"]["kaitai"]["end"] == end


def test_kaitai_builds_into_the_places_of_its_own_walk(
    fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that its class has wrong is wrong in what is built, and Construct's is not."""
    path = str(fixtures["pc"].path)
    block = kaitai_walk.generated().MappedRam.Ramblock
    with monkeypatch.context() as patched:
        usual = block.len_bitmap
        patched.setattr(block, "len_bitmap", property(lambda self: usual.fget(self) + (2 << 20)))
        construct, kaitai = rebuilt(path)
    assert construct.identical
    assert kaitai.mismatch is not None
    assert kaitai.mismatch.path == "/ram/blocks[0]"
    monkeypatch.setattr(block, "has_data", property(lambda _: False))
    construct, kaitai = rebuilt(path)
    assert construct.identical
    assert kaitai.problem
    assert kaitai.mismatch is None


def test_a_program_reads_it_as_json(run: Run, fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    (entry,) = json.loads(run("check", "--rebuild", "--output", "json", path).out)
    same = {"identical": True, "mismatch": None, "problem": None, "end": None}
    assert entry["rebuilt"] == {"construct": same, "kaitai": same}
    (entry,) = json.loads(run("check", "--output", "json", path).out)
    assert "rebuilt" not in entry


def test_a_difference_makes_a_clean_file_corrupt(
    run: Run, fixtures: Fixtures, tmp_path: Path
) -> None:
    """No rule is asked: the status is that of the difference."""
    wrong = patched(fixtures["pc"], tmp_path, "/sections[0]/mem_size/total_and_flags", _TOTAL)
    assert run("check", "--select", "MR3", wrong).status == 0
    assert run("check", "--select", "MR3", "--rebuild", wrong).status == 2


@pytest.mark.parametrize("form", ["sarif", "junit"])
def test_other_forms_have_no_place_for_it(run: Run, fixtures: Fixtures, form: str) -> None:
    done = run("check", "--rebuild", "--output", form, fixtures["pc"].path)
    assert done.status == 64
    assert "--rebuild" in done.err
