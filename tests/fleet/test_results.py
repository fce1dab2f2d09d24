"""The file with the results: whole lines, to which a later run adds."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mappedram.errors import FormatError
from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.results import History, ResultsFile
from mappedram.fleet.work import told
from tests.fleet.jobs import Misbehaving

JOB = Misbehaving()


def line(file: FleetFile, status: int = 0) -> str:
    return told(JOB, file, {"file": file.name, "error": None, "status": status}).text


@pytest.fixture
def files(tmp_path: Path) -> list[FleetFile]:
    for name in "abc":
        (tmp_path / name).write_text(name)
    return [FleetFile.named(str(tmp_path / name)) for name in "abcd"]


def written(path: Path, *texts: str) -> Path:
    results = ResultsFile.created(path, replace=False)
    for text in texts:
        results.append(text)
    results.close()
    return path


def resumed(path: Path) -> History:
    results, history = ResultsFile.resumed(path, JOB)
    results.close()
    return history


def test_what_was_written_is_found(tmp_path: Path, files: list[FleetFile]) -> None:
    path = written(tmp_path / "results", *(line(file, 3) for file in files[::3]))
    history = resumed(path)
    found = [history.result(file) for file in files]
    assert [one and one.status for one in found] == [3, None, None, 3]
    assert found[0] is not None
    assert found[0].counts == (("verdict", "clean", "files"),)
    assert history.cut == 0
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_changed_file_has_no_result(tmp_path: Path, files: list[FleetFile]) -> None:
    history = resumed(written(tmp_path / "results", *map(line, files)))
    for file, change in zip(files, ("longer", "B", "c", "now"), strict=True):
        Path(file.place).write_text(change)
    os.utime(files[2].place, ns=(0, 0))
    names = [file.name for file in files]
    assert [history.result(FleetFile.named(name)) for name in names] == [None] * 4


def test_the_last_result_counts(tmp_path: Path, files: list[FleetFile]) -> None:
    history = resumed(written(tmp_path / "results", line(files[0], 1), line(files[0], 2)))
    found = history.result(files[0])
    assert found is not None
    assert found.status == 2


def test_a_line_that_was_cut_is_removed(tmp_path: Path, files: list[FleetFile]) -> None:
    first, second = line(files[0]), line(files[1])
    for cut in (0, 1, 5, 9, 10, len(second) - 1, len(second)):
        for zeros in (0, 100):
            path = tmp_path / "results"
            rest = second[:cut] + zeros * "\0"
            path.write_text(f"{first}\n{rest}")
            history = resumed(path)
            assert history.cut == len(rest)
            assert path.read_text() == f"{first}\n"
            assert history.result(files[1]) is None
            path.write_text(second[: cut or 1])
            assert resumed(path).cut == (cut or 1)
            assert path.read_bytes() == b""


def test_lines_are_added(tmp_path: Path, files: list[FleetFile]) -> None:
    path = written(tmp_path / "results", line(files[0]))
    with path.open("a") as stream:
        stream.write('{"fi')
    results, _ = ResultsFile.resumed(path, JOB)
    results.append(line(files[1]))
    results.close()
    assert path.read_text().splitlines() == [line(files[0]), line(files[1])]


def test_long_lines(tmp_path: Path, files: list[FleetFile]) -> None:
    entries = [
        told(JOB, file, {"file": file.name, "error": None, "status": 0, "x": size * "x"})
        for file, size in zip(files, ((1 << 20) - 90, 1, 3 << 20, 7), strict=True)
    ]
    history = resumed(written(tmp_path / "results", *(entry.text for entry in entries)))
    assert all(map(history.result, files))


def test_without_a_file_there_is_no_history(tmp_path: Path, files: list[FleetFile]) -> None:
    assert not any(map(resumed(tmp_path / "results").result, files))
    assert (tmp_path / "results").read_bytes() == b""


#: What is no file of results, and where that is seen.
OTHERS: list[tuple[bytes, str]] = [
    (b"QEVM\0\0\0\x03", "line 1 is no result of `mappedram fleet` (at 0x0)"),
    (bytes(4096), "line 1 is no result of `mappedram fleet` (at 0x0)"),
    (b"text\n", "line 1 is no result of `mappedram fleet` (at 0x0)"),
    (b"[]\n", "line 1 is no result of `mappedram fleet` (at 0x0)"),
    (b"\n", "line 1 is no result of `mappedram fleet` (at 0x0)"),
    (b'{"file": 1}\n', "line 1 is no result of `mappedram fleet` (at 0x0)"),
    (b'{"file": "a"}\n', "line 1 is no result of `mappedram fleet` (at 0x0)"),
]


@pytest.mark.parametrize(("data", "message"), OTHERS)
def test_other_files_are_refused_and_kept(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "results"
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        ResultsFile.resumed(path, JOB)
    assert str(caught.value) == message
    if not data.startswith(b'{"file": '):
        with pytest.raises(FormatError, match="no file of results"):
            ResultsFile.created(path, replace=True)
    assert path.read_bytes() == data


def test_a_later_line_that_is_no_result(tmp_path: Path, files: list[FleetFile]) -> None:
    first = line(files[0])
    path = tmp_path / "results"
    for rest in ("x\n", "QEVM", f"{first[:50]}\n{first}\n"):
        path.write_text(f"{first}\n{rest}")
        with pytest.raises(FormatError, match=rf"line 2 .*\(at {len(first) + 1:#x}\)"):
            ResultsFile.resumed(path, JOB)
        assert path.read_text() == f"{first}\n{rest}"


def test_the_results_of_another_job(tmp_path: Path, files: list[FleetFile]) -> None:
    path = written(tmp_path / "results", line(files[0]))
    with pytest.raises(FormatError, match="line 1 is a result of another job: misbehave"):
        ResultsFile.resumed(path, Misbehaving("other"))


def test_a_file_is_replaced_only_if_that_is_wanted(tmp_path: Path, files: list[FleetFile]) -> None:
    path = written(tmp_path / "results", line(files[0]))
    with pytest.raises(FileExistsError, match="use --force"):
        ResultsFile.created(path, replace=False)
    ResultsFile.created(path, replace=True).close()
    assert path.read_bytes() == b""


def test_each_line_is_one_write(
    tmp_path: Path, files: list[FleetFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[Any] = []
    original = os.pwrite

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        writes.append(bytes(data))
        return original(fd, data, offset)

    monkeypatch.setattr("mappedram.io.system.calls.pwrite", pwrite)
    written(tmp_path / "results", *map(line, files))
    assert [json.loads(data)["file"] for data in writes] == [file.name for file in files]
