"""Parse -> build gives the same bytes, with either driver, and keeps every hole."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given

import mappedram
from mappedram.format import drivers, structures
from mappedram.format.typed import Fields
from mappedram.stream.model import of_kind
from mappedram.stream.rebuild import rebuild
from tests.conftest import Fixtures, manifest
from tests.files import extents, memory_file
from tests.stream.reader.test_reader import oracle_files
from tools.oracle import OracleFile


@pytest.mark.parametrize("driver", drivers.DRIVERS)
@pytest.mark.parametrize("name", manifest())
def test_real_files(
    fixtures: Fixtures, tmp_path: Path, name: str, driver: drivers.DriverName
) -> None:
    fixture = fixtures[name]
    target = tmp_path / name
    with (
        mappedram.open(fixture.path, fixture.offset, driver=driver, partial=True) as snapshot,
        target.open("w+b") as stream,
    ):
        rebuild(snapshot, stream.fileno())
    assert extents(target) == extents(fixture.path)
    assert subprocess.run(["cmp", fixture.path, target], check=False).returncode == 0


@given(oracle_files())
def test_generated_files_built_by_the_other_driver(model: OracleFile) -> None:
    with memory_file() as original, memory_file() as target:
        size = model.write(original)
        with mappedram.open(original, model.offset, driver="construct") as snapshot:
            rebuild(snapshot, target, drivers.get("kaitai"))
        assert os.fstat(target).st_size == size
        places = extents(original)
        assert extents(target) == places
        for start, end in places:
            assert os.pread(target, end - start, start) == os.pread(original, end - start, start)


def test_a_changed_value_is_what_is_written(fixtures: Fixtures) -> None:
    """The structures are really built from their values, not copied from the file."""
    fixture = fixtures["none"]
    for name in drivers.DRIVERS:
        driver = drivers.get(name)
        with mappedram.open(fixture.path, driver=name) as snapshot:
            (header,) = of_kind(snapshot.stream.elements, structures.RAMBLOCK_HEADER)
            values: structures.RamBlockHeader = {**header.values, "used_length": 0x123456789ABC}
            built = driver.build(header.kind, values, dict(header.params))
            original = snapshot.source.read(header.offset, header.length)
        place = 1 + header.values["len_idstr"]
        assert built[place : place + 8] == (0x123456789ABC).to_bytes(8, "big")
        assert built[:place] + built[place + 8 :] == original[:place] + original[place + 8 :]


@pytest.mark.parametrize("driver", drivers.DRIVERS)
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("stream_header", {"magic": b"QEVM"}),
        ("stream_header", {"magic": b"QEVX", "version": 3}),
        ("section_footer", {"section_type": 0x7E, "section_id": 1 << 32}),
        ("section_footer", {"section_type": 0x7D, "section_id": 1}),
        ("mem_size", {"total_and_flags": 0x1008}),
        ("command", {"section_type": 8, "command": 1, "len_data": 2, "data": b"abc"}),
    ],
)
def test_impossible_values_are_refused(
    driver: drivers.DriverName, kind: str, values: Fields
) -> None:
    with pytest.raises(mappedram.BuildError, match=kind):
        drivers.get(driver).build(structures.KINDS[kind], values, {})
