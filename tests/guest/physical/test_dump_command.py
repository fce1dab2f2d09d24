"""`mappedram dump`, against the bytes of the file."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run, process
from tests.conftest import Fixtures

RAW = (sys.executable, "-m", "mappedram", "dump", "--raw")
#: Where the processor starts; the firmware of the fixtures has a far jump there.
JUMP = bytes.fromhex("ea 0000 00f0")
#: Bytes of a block that stand in a file which is cut off.
LIMIT = 0x8000


def block(run: Run, path: Path, idstr: str) -> dict[str, int]:
    blocks = run("info", "--output", "json", path).json["blocks"]
    return next(one for one in blocks if one["idstr"] == idstr)


def raw(*args: object) -> bytes:
    return subprocess.run(
        [*RAW, *map(str, args)],
        check=True,
        capture_output=True,
        cwd=ROOT,
    ).stdout


def test_hex_at_an_address(fixtures: Fixtures, run: Run) -> None:
    outcome = run("dump", "--gpa", "0xfffffff0,5", fixtures["pc"].path)
    assert outcome == (
        0,
        "0xfffffff0  ea 00 00 00 f0                                   |.....|\n",
        "",
    )


def test_raw_is_what_the_file_has(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["pc"].path
    one = block(run, path, "pc.bios")
    data, start = path.read_bytes(), one["pages_offset"]
    expected = data[start : start + one["used_length"]]
    assert raw("--block", "pc.bios", path) == expected
    assert raw("--block", "pc.bios", "--at", "0x123,7", path) == expected[0x123:0x12A]
    assert raw("--gpa", f"{(1 << 32) - len(expected)},{len(expected)}", path) == expected


def test_a_plain_stream_gives_the_same(fixtures: Fixtures) -> None:
    args = ("--gpa", "0,640K")
    assert raw(*args, fixtures["plain"].path) == raw(*args, fixtures["pc"].path)


def test_pages_that_are_not_stored_are_zeros(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["pc"].path
    one = block(run, path, "pc.ram")
    memory = raw("--block", "pc.ram", path)
    assert len(memory) == one["used_length"]
    pages = [memory[at : at + 4096] for at in range(0, len(memory), 4096)]
    assert sum(any(page) for page in pages) <= one["pages_present"]
    assert any(pages[0])


def test_lines_that_are_the_same_are_folded(fixtures: Fixtures, run: Run) -> None:
    out = run("dump", "--block", "pc.ram", "--at", "0x80000,1M", fixtures["pc"].path).out
    lines = out.splitlines()
    assert lines.count("*") >= 1
    assert lines[-1] == f"{0x180000:#010x}"
    assert len(lines) < 4096


def expand(text: str, start: int) -> bytes:
    """The bytes that a folded dump shows."""
    data, row, is_folded = b"", b"", False
    for line in text.splitlines():
        if line == "*":
            is_folded = True
            continue
        address = int(line[:10], 16) - start
        if is_folded:
            data += row * ((address - len(data)) // len(row))
            is_folded = False
        assert address == len(data)
        row = bytes.fromhex(line[12:].split("|")[0])
        data += row
    return data


@pytest.mark.parametrize("start", [0, 0x80001, 0xFFFF7])
def test_hex_and_raw_agree(start: int, fixtures: Fixtures, run: Run) -> None:
    """Over three pieces that are read one after the other, and a line that is cut short."""
    args = ("--block", "pc.ram", "--at", f"{start},{(2 << 20) + 5}", fixtures["pc"].path)
    assert expand(run("dump", *args).out, start) == raw(*args)


def test_json(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["pc"].path
    document = run("dump", "--gpa", "0xfffffff0,5", path, "--output", "json").json
    assert document["data"] == [{"address": 0xFFFFFFF0, "hex": JUMP.hex()}]
    (piece,) = document["pieces"]
    assert (piece["gpa"], piece["idstr"], piece["size"]) == (0xFFFFFFF0, "pc.bios", 5)
    at = piece["file_offset"]
    assert path.read_bytes()[at : at + 5] == JUMP
    assert document["unknown"] == []
    large = run("dump", "--block", "pc.bios", "--at", "0,10000", path, "--output", "json").json
    assert [len(one["hex"]) // 2 for one in large["data"]] == [4096, 4096, 1808]


@pytest.fixture
def cut(tmp_path: Path, run: Run) -> Path:
    """A file of one block, cut off after eight of its pages."""
    recipe, path = tmp_path / "recipe.toml", tmp_path / "cut"
    recipe.write_text(
        'machine = "none"\npage_size = 4096\n'
        '[[block]]\nidstr = "ram"\nsize = "64K"\npattern = "c0ffee00"\n'
    )
    assert run("build", recipe, path).status == 0
    os.truncate(path, block(run, path, "ram")["pages_offset"] + LIMIT)
    return path


def test_unknown_pages(cut: Path, run: Run) -> None:
    inside = run("dump", "--block", "ram", "--at", f"{LIMIT - 16},16", cut)
    assert inside.status == 0
    args = ("dump", "--block", "ram", "--at", f"{LIMIT - 16},32", cut)
    outcome = run(*args)
    assert (outcome.status, outcome.out) == (1, "")
    assert "1 of 16 pages unknown" in outcome.err
    outcome = run(*args, "--partial")
    assert outcome.status == 2
    known, unknown = outcome.out.splitlines()
    assert known == inside.out.rstrip("\n")
    assert unknown == f"{LIMIT:#010x}  {' '.join(['??'] * 16)}  |{'?' * 16}|"
    document = run(*args, "--partial", "--output", "json").json
    (missing,) = document["unknown"]
    assert (missing["idstr"], missing["offset"], missing["length"]) == ("ram", LIMIT, 16)


def test_half_a_line_is_unknown(cut: Path, run: Run) -> None:
    out = run("dump", "--partial", "--block", "ram", "--at", f"{LIMIT - 8},16", cut).out
    digits = out.split("|")[0].split()[1:]
    assert [one == "??" for one in digits] == [False] * 8 + [True] * 8


def test_raw_has_zeros_where_nothing_is_known(cut: Path) -> None:
    args = [*RAW, "--partial", "--block", "ram", "--at", f"{LIMIT - 4},8", str(cut)]
    done = subprocess.run(args, check=False, capture_output=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, bytes.fromhex("c0ffee00 00000000"))
    assert b"1 of 16 pages unknown" in done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "expected --gpa N, or --block"),
        (["--at", "0"], "expected --gpa N, or --block"),
        (["--gpa", "0", "--block", "pc.ram"], "expected --gpa N, or --block"),
        (["--gpa", "0", "--at", "0"], "expected --gpa N, or --block"),
        (["--gpa", "x"], "expected a number"),
        (["--gpa", "0,"], "expected a number"),
        (["--gpa", "0,1,2"], "expected a number"),
        (["--gpa", "0", "--raw", "--output", "json"], "--raw goes without"),
        (["--block", "pc.ram", "--below-4g", "1G"], "--below-4g goes with --gpa"),
        (["--block", "nope"], "no block 'nope'"),
        (["--gpa", "0xa0000000"], "no known block at this physical address"),
        (["--block", "pc.ram", "--at", "1T"], "no known block"),
    ],
)
def test_wrong_usage(args: list[str], message: str, fixtures: Fixtures, run: Run) -> None:
    outcome = run("dump", *args, fixtures["pc"].path)
    assert (outcome.status, outcome.out) == (64, "")
    assert message in outcome.err


def test_a_terminal_is_refused(fixtures: Fixtures) -> None:
    main, terminal = pty.openpty()
    try:
        done = process(
            *("dump", "--gpa", "0", "--raw", fixtures["pc"].path),
            stdout=terminal,
            stderr=subprocess.PIPE,
            capture_output=False,
        )
    finally:
        os.close(terminal)
        os.close(main)
    assert done.returncode == 64
    assert "--raw: standard output is a terminal" in done.stderr


def test_narrow_terminal(fixtures: Fixtures, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = run("dump", "--gpa", "0xfffffff0,16", fixtures["pc"].path).out.splitlines()
    assert [line[:10] for line in lines] == ["0xfffffff0", "0xfffffff8"]
    assert all(len(line) <= 60 for line in lines)


def test_a_reader_that_goes_away(fixtures: Fixtures) -> None:
    with subprocess.Popen(
        [*RAW, "--block", "pc.ram", fixtures["pc"].path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141
