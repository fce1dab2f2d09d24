"""The published results of `tools.devices`, and what it does with them."""

import re
from pathlib import Path

import pytest

from tools.devices import results
from tools.devices.cases import BOARDS, COMBINED
from tools.devices.needs import NEEDS, arguments
from tools.docs import restoring

ROWS = results.read()
RELEASES = sorted({qemu for qemu, _ in ROWS})


def test_there_are_results_for_every_machine() -> None:
    assert "10.0.2" in RELEASES
    for board in BOARDS:
        assert ("10.0.2", board.name) in ROWS
    for name, (machine, _, _) in COMBINED.items():
        assert ("10.0.2", f"{machine}/+{name}") in ROWS


@pytest.mark.parametrize("qemu", RELEASES)
def test_every_guest_loads_or_there_is_a_reason(qemu: str) -> None:
    """And what is not covered was named: QEMU refuses a section that nothing takes."""
    for (release, name), row in ROWS.items():
        if release != qemu or row["saved"] != "completed":
            continue
        assert row["loaded"] == "completed" or results.reason_of(row), name
        assert row["loaded"] != "completed" or not row["not_covered"], name
        assert row["loaded"] == "completed" or row["not_covered"], name


def test_every_reason_is_needed() -> None:
    for pattern, why in results.REASONS:
        fitting = [row for row in ROWS.values() if re.fullmatch(pattern, row["name"])]
        assert any(map(results.is_wrong, fitting)), why


def test_every_need_is_of_a_device() -> None:
    devices = {results.device_of(row) for row in ROWS.values()}
    for need in NEEDS:
        assert any(re.fullmatch(need.device, device) for device in devices), need.device


def test_arguments_of_a_device() -> None:
    properties, options = arguments("hda-duplex", "HDA", "pc")
    assert properties == ""
    assert options == ("-device intel-hda -audiodev none,id=a0 -device hda-duplex,audiodev=a0")


def test_a_difference_is_told(tmp_path: Path) -> None:
    """Of any result, and of a case that is new; not of one that is the same."""
    key = ("10.0.2", "pc/e1000")
    row = ROWS[key]
    assert list(results.differences(ROWS, {key: row})) == []
    (told,) = results.differences(ROWS, {key: row | {"loaded": "refused"}})
    assert told.startswith("10.0.2 pc/e1000: loaded: completed -> refused")
    assert list(results.differences({}, {key: row}))
    path = tmp_path / "results.json"
    results.write(path, {key: row})
    assert results.read(path) == {key: row}


def test_the_page_has_the_tables() -> None:
    text = (Path(__file__).parents[2] / "docs/restore.md").read_text(encoding="utf-8")
    page = restoring.with_tables(text)
    assert "<!-- table" in text
    assert "<!-- table" not in page
    assert "| `usb-tablet` | `usb-mouse` |" in page
    assert "| 10.0.2 | q35 |" in page
