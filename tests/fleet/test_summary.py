"""The summary: tables in a fixed order, and the worst exit status."""

import pytest

from mappedram.fleet.summary import FleetSummary


def test_tables() -> None:
    summary = FleetSummary()
    summary.add(0, [("QEMU", "10.0", "loads"), ("verdict", "clean", "files")])
    summary.add(2, [("QEMU", "9.2", "refuses"), ("verdict", "corrupt", "files")])
    summary.add(0, [("QEMU", "10.0", "loads"), ("verdict", "clean", "files")])
    assert list(summary.tables()) == [
        ("verdict", ["files"], {"clean": [2], "corrupt": [1]}),
        ("QEMU", ["loads", "refuses"], {"9.2": [0, 1], "10.0": [2, 0]}),
    ]
    assert summary.to_dict() == {
        "files": 3,
        "status": 2,
        "verdict": {"clean": {"files": 2}, "corrupt": {"files": 1}},
        "QEMU": {"9.2": {"loads": 0, "refuses": 1}, "10.0": {"loads": 2, "refuses": 0}},
    }


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [([], 0), ([0], 0), ([0, 3], 3), ([3, 63], 63), ([63, 2, 3], 2), ([2, 1, 0], 1)],
)
def test_the_worst_status(statuses: list[int], worst: int) -> None:
    summary = FleetSummary()
    for status in statuses:
        summary.add(status, [])
    assert summary.status == worst
