"""`mappedram check --rebuild`: each file built of its own values, by both declarations."""

import gzip
import io
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram.check.rebuild import rebuilt
from mappedram.format import drivers
from mappedram.io.opening import open_source
from mappedram.stream.reader import kaitai_walk
from mappedram.stream.rebuild import Compared, Mismatch, compare
from tests.cli.conftest import Run, patched, run
from tests.conftest import Fixtures, manifest
from tests.files import copy_sparse, field_place, memory_file, patch
from tests.stream.libvirt.conftest import samples
from tests.stream.libvirt.samples import Sample, Samples
from tests.stream.reader.test_reader import oracle_files
from tools.oracle import OracleBlock, OracleFile

__all__ = ["run", "samples"]

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
        with open_source(fd) as source:
            found = compare(source, model.offset, drivers.get(name))
            assert isinstance(found, Compared)
            assert found.rebuilt + sum(found.passed.values()) == source.size


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
    with open_source(copy) as source:
        found = compare(source, 0, drivers.get(name))
    first = next(at for at, pair in enumerate(zip(before, data, strict=True)) if len(set(pair)) > 1)
    assert isinstance(found, Mismatch)
    assert found.offset == offset + first
    assert path.startswith(found.path)
    assert found.expected.startswith(before[first:].hex(" "))
    assert found.actual.startswith(data[first:].hex(" "))


def test_pages_where_no_writer_puts_them_stay_where_they_are() -> None:
    """Offsets that follow from no boundary are values like others."""
    model = OracleFile([OracleBlock("a", 0x2000), OracleBlock("b", 0x1000)], align=3 << 12)
    with memory_file() as fd:
        model.write(fd)
        with mappedram.open(fd) as snapshot, open_source(fd) as source:
            assert snapshot.stream.alignment is None
            assert isinstance(compare(source, 0, drivers.get("construct")), Compared)


#: A footer and a record EOS.
_FOOTER, _EOS = 5, 8
_TEXT = b'{"page_size": 4096, "devices": []}'
#: One block of eight pages, whose bitmap is one word, and the text behind it.
_MODEL = OracleFile([OracleBlock("a", 0x8000, [(1, 3)], b"data")], align=0x10000)
_HEADER = len(_MODEL.head()) + 2 + 8 + 28


def _counted() -> tuple[int, dict[str, int]]:
    """What of the file is structures, and what is not, told by the lengths of the format."""
    passed = {"bitmap": 8, "padding": 0x10000 - _HEADER - 8, "pages": 0x8000, "text": len(_TEXT)}
    sections = 3 * (_EOS + _FOOTER) + 2 * 5
    return _HEADER + sections + 1 + 5, passed


def test_how_much_is_compared_is_told() -> None:
    with memory_file() as fd:
        size = _MODEL.write(fd)
        with open_source(fd) as source:
            found = [compare(source, 0, drivers.get(name)) for name in drivers.DRIVERS]
    rebuilt_bytes, passed = _counted()
    assert rebuilt_bytes + sum(passed.values()) == size
    assert found == [Compared(rebuilt_bytes, passed)] * len(drivers.DRIVERS)


@given(data=st.data())
def test_a_byte_that_is_passed_over_makes_no_difference(data: st.DataObject) -> None:
    """What counts as not compared is not: a change anywhere in it is not seen."""
    at = data.draw(st.integers(_HEADER, 0x18000 - 1))
    with memory_file() as fd:
        _MODEL.write(fd)
        os.pwrite(fd, bytes([os.pread(fd, 1, at)[0] ^ 1]), at)
        with open_source(fd) as source:
            assert isinstance(compare(source, 0, drivers.get("construct")), Compared)


@pytest.mark.parametrize("name", ["raw", "sparse", "gzip"])
def test_an_image_of_libvirt_is_counted_to_the_last_byte(samples: Samples, name: str) -> None:
    sample = samples[name]
    texts = sample.stream_offset - 92
    for one in rebuilt(str(sample.path)):
        assert one.coverage is not None
        # What Kaitai does not follow to its end has a rest.
        assert (one.coverage.passed["gap"] == texts) == (one.coverage.end is None)
        stream = one.coverage.rebuilt - 92 + sum(one.coverage.passed.values()) - texts
        if name == "gzip":
            with gzip.GzipFile(fileobj=_behind(sample)) as opened:
                assert stream == len(opened.read())
        else:
            assert stream == sample.path.stat().st_size - sample.stream_offset


def _behind(sample: Sample) -> io.BytesIO:
    return io.BytesIO(sample.path.read_bytes()[sample.stream_offset :])


def _told(path: Path) -> str:
    """The end of the line about a file that is the same: every byte of it is counted."""
    with mappedram.open(path) as snapshot:
        kept = sum(element.length for element in snapshot.stream.elements)
    return f"identical (construct), identical (kaitai); {kept:,} bytes rebuilt, "


def test_a_person_reads_where_a_byte_differs(run: Run, fixtures: Fixtures, tmp_path: Path) -> None:
    whole, cut = fixtures["pc"].path, fixtures["killed"].path
    wrong = patched(fixtures["pc"], tmp_path, "/sections[0]/mem_size/total_and_flags", _TOTAL)
    done = run("check", "--rebuild", whole)
    assert done.status == 0
    line = done.out.splitlines()[-1]
    assert line.startswith(f"{whole}: {_told(whole)}")
    kept, over, *kinds = (int(n.replace(",", "")) for n in re.findall(r" (\d[\d,]*\d|\d)", line))
    assert kept + over == whole.stat().st_size
    assert sum(kinds) == over
    assert re.findall(r"([A-Za-z ]+) \d[\d,]*[,)]", line.partition(" skipped (")[2]) == [
        *("payloads", " JSON text", " bitmaps", " pages", " padding")
    ]
    done = run("check", "--rebuild", wrong)
    assert done.status == 2
    assert " bytes rebuilt" not in done.out
    assert "differs (kaitai) at " in done.out.splitlines()[-1]
    assert "/sections[0]/mem_size: rebuilt " in done.out.splitlines()[-1]
    assert done.out.endswith("in the file 7f 00 00 04\n")
    done = run("check", "--rebuild", cut)
    assert "not rebuilt (construct): section_type: the file ends" in done.out.splitlines()[-1]


def test_what_cannot_be_built_does_not_keep_others_from_it(run: Run, fixtures: Fixtures) -> None:
    whole = fixtures["none"].path
    done = run("check", "--rebuild", "/dev/null", "/no/such/file", whole)
    assert done.status == 1
    assert "/dev/null: not rebuilt (construct): a character device" in done.out
    assert done.out.splitlines()[-1].startswith(f"{whole}: {_told(whole)}")


@pytest.mark.parametrize("name", ["plain", "no-footers"])
def test_it_says_how_far_kaitai_goes(run: Run, fixtures: Fixtures, name: str) -> None:
    path = fixtures[name].path
    with mappedram.open(path, driver="kaitai", partial=True) as snapshot:
        end = snapshot.stream.end
        assert end < snapshot.source.size
    done = run("check", "--rebuild", path)
    assert f"identical (construct), identical (kaitai, up to {end:#x}); " in done.out
    assert "by construct; " in done.out
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
    assert entry["rebuilt"].keys() == {"construct", "kaitai"}
    for one in entry["rebuilt"].values():
        assert (one["identical"], one["mismatch"], one["problem"]) == (True, None, None)
        assert one["bytes_rebuilt"] + sum(one["bytes_passed"].values()) == path.stat().st_size
        assert one["bytes_passed"].keys() == {"payload", "text", "bitmap", "pages", "padding"}
    (entry,) = json.loads(run("check", "--output", "json", path).out)
    assert "rebuilt" not in entry


def test_nothing_is_counted_where_a_byte_differs(
    run: Run, fixtures: Fixtures, tmp_path: Path
) -> None:
    wrong = patched(fixtures["pc"], tmp_path, "/sections[0]/mem_size/total_and_flags", _TOTAL)
    (entry,) = json.loads(run("check", "--rebuild", "--output", "json", wrong).out)
    for one in entry["rebuilt"].values():
        assert one["mismatch"]["path"] == "/sections[0]/mem_size"
        assert (one["bytes_rebuilt"], one["bytes_passed"]) == (None, None)


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
