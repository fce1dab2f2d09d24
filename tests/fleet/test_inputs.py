"""Which files a run is about."""

import os
from pathlib import Path

import pytest

from mappedram.fleet.inputs import FleetFile, Identity, expanded, listed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.x", "b.x", "c.y", "[a].x", "deep/er/d.x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "folder.x").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "names", "unmatched"),
    [
        (["*.x"], ["[a].x", "a.x", "b.x"], []),
        (["**/*.x"], ["[a].x", "a.x", "b.x", "deep/er/d.x"], []),
        (["b.x", "*.x", "b.x"], ["b.x", "[a].x", "a.x"], []),
        (["[a].x"], ["[a].x"], []),
        (["[b].x"], ["b.x"], []),
        (["nothing", "no*"], ["nothing"], ["no*"]),
        (["folder.x"], ["folder.x"], []),
        ([], [], []),
    ],
)
def test_patterns(
    folder: Path, patterns: list[str], names: list[str], unmatched: list[str]
) -> None:
    assert folder.is_dir()
    found: list[str] = []
    assert list(expanded(patterns, found)) == names
    assert found == unmatched


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"", []),
        (b"a\nb c\n", ["a", "b c"]),
        (b"a\n\nb", ["a", "b"]),
        (b"a\nb\0c\0", ["a\nb", "c"]),
        (b"\xff\n", ["\udcff"]),
    ],
)
def test_lists(data: bytes, names: list[str]) -> None:
    assert list(listed(data)) == names


def test_identity(folder: Path) -> None:
    path = folder / "a.x"
    path.write_bytes(b"12345")
    os.utime(path, ns=(0, 1_234_567_890_123_456_789))
    file = FleetFile.named("a.x")
    assert file == FleetFile("a.x", str(path), Identity(5, "2009-02-13T23:31:30.123456Z"))
    os.utime(path, ns=(0, 1_234_567_890_123_457_789))
    assert FleetFile.named("a.x") != file
    assert FleetFile.named("missing").identity is None
    assert FleetFile.named("a\0b").identity is None


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (10**21, "@1000000000000.000000"),
        (-(10**21), "@-1000000000000.000000"),
    ],
)
def test_any_time(nanoseconds: int, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mappedram.io.system.stamp_at", lambda _: (5, nanoseconds))
    assert Identity.of("any") == Identity(5, text)
