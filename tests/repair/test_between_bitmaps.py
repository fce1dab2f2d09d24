"""Saves that ended between two bitmaps (E-003): the missing bitmaps are rebuilt."""

from pathlib import Path

import pytest

import mappedram
from mappedram.check import check
from mappedram.format.constants import SectionType
from mappedram.io.opening import open_source
from mappedram.repair import Change, plan, write_copy
from tests.check.draft import Draft
from tests.conftest import Fixtures
from tests.files import copy_sparse
from tools.qemu.firmware import FIRMWARE

ZEROS = "pc.rom"  # the fixture has no page of it


def changes(path: Path) -> dict[str, Change]:
    with open_source(path) as source:
        return {change.path: change for change in plan(source).changes}


def repaired(path: Path) -> Path:
    out = path.with_name("repaired")
    with open_source(path) as source, out.open("w+b") as stream:
        write_copy(plan(source), stream.fileno())
    return out


def broken_off(draft: Draft, written: int) -> None:
    """The file after that many bitmaps were written."""
    with draft.snapshot() as snapshot:
        blocks = snapshot.stream.blocks[written:]
    draft.resize(draft.section(SectionType.END).payload_offset)
    for block in blocks:
        assert block.bitmap_offset is not None
        draft.write(block.bitmap_offset, bytes(block.bitmap_size))


@pytest.mark.parametrize("written", range(1, 7))
def test_every_moment(written: int, fixtures: Fixtures, tmp_path: Path) -> None:
    sound = fixtures["pc"]
    draft = Draft(sound, tmp_path)
    with mappedram.open(sound.path) as snapshot:
        bitmaps = {block.idstr: bytes(block.bitmap.data) for block in snapshot.blocks}
        order = [block.idstr for block in snapshot.blocks]
    broken_off(draft, written)
    assert not mappedram.open(draft.path).stream.ram_ended
    found = check(draft.path).findings
    # The last bitmaps with pages, in order; all bytes behind them are zero.
    filled = [name for name in order[written:] if any(bitmaps[name])]
    assert ("MR304" in {finding.code for finding in found}) == bool(filled)
    assert "MR303" not in {finding.code for finding in found}
    made = changes(draft.path)
    for number, name in enumerate(order):
        change = made.get(f"/ram/blocks[{number}]/bitmap")
        if name == ZEROS:
            # It was all zero, or the save left it out, unless a later bitmap was written.
            assert (change is None) == (written > number + 1)
            assert change is None or (change.count, change.after) == (0, "unknown")
        elif number < written:
            assert change is None
        else:
            assert change is not None
            assert change.count > 0
            assert not change.certain
    with mappedram.open(repaired(draft.path)) as snapshot:
        assert {block.idstr: bytes(block.bitmap.data) for block in snapshot.blocks} == bitmaps


def test_what_stays_unknown(fixtures: Fixtures, tmp_path: Path) -> None:
    path = copy_sparse(fixtures["ignore-shared-failed"].path, tmp_path / "file")
    made = changes(path)
    shared, tables = made["/ram/blocks[1]/bitmap"], made["/ram/blocks[2]/bitmap"]
    assert "/ram/blocks[0]/bitmap" not in made
    assert shared.edits == ()
    assert shared.to_dict()["unknown_pages"] == [[0, 2048]]
    assert (tables.count, tables.to_dict()["unknown_pages"]) == (2, [[2, 32]])
    assert "30 pages read as zeros" in (tables.note or "")
    assert made["/ram/blocks[4]/bitmap"].to_dict()["unknown_pages"] == []
    out = repaired(path)
    with mappedram.open(out) as snapshot:
        assert snapshot.block["pc.bios"].read(0, 1 << 16) == FIRMWARE["halt.bin"]
    assert {finding.code for finding in check(out).findings} == {"MR002"}


def test_pages_that_turned_zero_stay_so_where_bitmaps_are_final(
    fixtures: Fixtures, tmp_path: Path
) -> None:
    """With the EOS of END, a clear bit means a zero page, and nothing is rebuilt."""
    draft = Draft(fixtures["pc"], tmp_path)
    bios = draft.block("pc.bios")
    assert bios.bitmap_offset is not None
    for block in ("pc.bios", "/rom@etc/table-loader", "/rom@etc/acpi/rsdp"):
        model = draft.block(block)
        draft.write(model.bitmap_offset or 0, bytes(model.bitmap_size))
    assert [finding.code for finding in check(draft.path).findings] == ["MR303"] * 3
    assert changes(draft.path) == {}
    end = draft.section(SectionType.END)
    draft.resize(end.payload_offset + 8)  # the footer is missing, EOS is present
    assert "/ram/blocks[3]/bitmap" not in {
        path for path, change in changes(draft.path).items() if change.edits
    }
