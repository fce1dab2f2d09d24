"""A file under repair is judged with its edits."""

from pathlib import Path
from typing import Any

import pytest

from mappedram.check import check
from mappedram.check.repairs.edits import Edit, EditedSource
from mappedram.check.repairs.session import RepairSession
from mappedram.check.run import report_on
from mappedram.format.drivers.kaitai_driver import KaitaiDriver
from mappedram.format.typed import Kind, Params
from mappedram.io.opening import open_source
from tests.check.draft import Draft
from tests.conftest import Fixtures

MAGIC = b"QEVM"


def broken(fixtures: Fixtures, tmp_path: Path) -> Path:
    """A file without a stream."""
    draft = Draft(fixtures["none"], tmp_path)
    draft.write(0, b"XXXX")
    return draft.path


def test_an_edit_of_the_magic(fixtures: Fixtures, tmp_path: Path) -> None:
    path = broken(fixtures, tmp_path)
    assert check(path).verdict != "clean"
    with open_source(path) as source:
        session = RepairSession(EditedSource(source, [Edit(0, MAGIC)]), 0)
        assert report_on(session.context).findings == ()


@pytest.mark.parametrize("edited", [True, False])
def test_drivers_are_compared_on_the_edited_bytes(
    edited: bool, fixtures: Fixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One driver misreads one value, which only the edit adds to the file."""
    parse = KaitaiDriver.parse

    def wrong(self: KaitaiDriver, kind: Kind[Any], data: bytes, params: Params) -> Any:
        values, length = parse(self, kind, data, params)
        if values.get("name") == "nope":
            values["name"] = "none"
        return values, length

    monkeypatch.setattr(KaitaiDriver, "parse", wrong)
    with open_source(fixtures["none"].path) as source:
        place = source.read(0, 64).index(b"none")
        edits = [Edit(place, b"nope")] if edited else []
        session = RepairSession(EditedSource(source, edits), 0)
        found = [finding.code for finding in report_on(session.context).findings]
    assert found == (["MR005"] if edited else [])
