"""`mappedram search`, against the bytes of the file."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run, process
from tests.conftest import Fixture, Fixtures
from tests.files import copy_sparse, patch

#: Where the processor starts; the firmware of the fixtures has a far jump there.
JUMP = bytes.fromhex("ea 0000 00f0")
JUMP_GPA = 0xFFFFFFF0
WORD = "Find me in memory"


def places(path: Path, pattern: bytes) -> list[int]:
    data, at, found = path.read_bytes(), -1, []
    while (at := data.find(pattern, at + 1)) >= 0:
        found.append(at)
    return found


def ram_offset(run: Run, fixture: Fixture, idstr: str) -> int:
    """Where page 0 of a block has its place in the file."""
    blocks = run("info", "--output", "json", fixture.path).json["blocks"]
    return int(next(one["pages_offset"] for one in blocks if one["idstr"] == idstr))


@pytest.fixture
def marked(fixtures: Fixtures, tmp_path: Path, run: Run) -> tuple[Path, int]:
    """A file with a word in a stored page of pc.ram, and where in pc.ram it stands."""
    fixture = fixtures["pc"]
    path = copy_sparse(fixture.path, tmp_path / "marked")
    return patch(path, ram_offset(run, fixture, "pc.ram") + 0x100, WORD.encode()), 0x100


def test_addresses_and_file_offsets(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["pc"]
    found = run("search", "--as", "hex", JUMP.hex(" "), fixture.path, "--output", "json").json
    assert found["pattern"] == JUMP.hex()
    assert found["unknown"] == []
    last = found["matches"][-1]
    assert (last["gpa"], last["idstr"], last["match"]) == (JUMP_GPA, "pc.bios", JUMP.hex())
    assert last["file_offset"] in places(fixture.path, JUMP)
    data = fixture.path.read_bytes()
    at = last["file_offset"]
    assert bytes.fromhex(last["before"]) == data[at - 16 : at]
    # Memory ends at 4 GiB, 11 bytes behind the match.
    assert bytes.fromhex(last["behind"]) == data[at + 5 : at + 16]


def test_human(marked: tuple[Path, int], run: Run) -> None:
    path, offset = marked
    outcome = run("search", WORD, path)
    assert (outcome.status, outcome.err) == (0, "")
    (place,) = places(path, WORD.encode())
    start = f"{offset:#014x}  pc.ram+{offset:#x}  file {place:#x}  |"
    (line,) = outcome.out.splitlines()
    assert line.startswith(start)
    assert f"{WORD}" in line.removeprefix(start)
    assert len(line) == len(start) + 16 + len(WORD) + 16 + 1


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("text", WORD),
        ("hex", WORD.encode().hex()),
        ("hex", "0x46:69 6E:64"),
        ("bytes", r"Find\x20me"),
        ("bytes", WORD[:4]),
    ],
)
def test_ways_to_write_a_pattern(
    kind: str, pattern: str, marked: tuple[Path, int], run: Run
) -> None:
    assert run("search", "--as", kind, pattern, marked[0], "--count").out == "1\n"
    assert run("search", "--as", kind, pattern, marked[0]).out.startswith(f"{marked[1]:#014x}  ")


def test_escapes_are_bytes_and_text_has_none(marked: tuple[Path, int], run: Run) -> None:
    path, offset = marked
    data = b"\0\n\t\r\\\xff"
    patch(path, places(path, WORD.encode())[0], data)
    outcome = run("search", "--as", "bytes", r"\0\n\t\r\\\xFF", path)
    assert outcome.out.startswith(f"{offset:#014x}  ")
    assert run("search", r"\0\n", path, "--count").out == "0\n"


def test_encoding(marked: tuple[Path, int], run: Run) -> None:
    path, offset = marked
    patch(path, places(path, WORD.encode())[0], "Größe".encode("utf-16-le"))
    outcome = run("search", "--encoding", "utf-16-le", "Größe", path)
    assert outcome.out.startswith(f"{offset:#014x}  ")
    assert run("search", "Größe", path, "--count").out == "0\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["", "f"], "expected at least one byte"),
        (["--as", "hex", "7f4", "f"], "pairs of hex digits"),
        (["--as", "hex", "xy", "f"], "pairs of hex digits"),
        (["--as", "bytes", r"\q", "f"], r"expected \xHH"),
        (["--as", "bytes", "a\\", "f"], r"expected \xHH"),
        (["--as", "hex", "--encoding", "utf-8", "7f", "f"], "--encoding goes with"),
        (["--encoding", "none", "a", "f"], "no such encoding"),
        (["--encoding", "ascii", "ö", "f"], "can't encode"),
        (["--limit", "0", "a", "f"], "--limit"),
        (["-b", "pc.ram", "--below-4g", "1G", "a", "f"], "--below-4g goes without"),
    ],
)
def test_wrong_usage(args: list[str], message: str, run: Run) -> None:
    outcome = run("search", *args)
    assert (outcome.status, outcome.out) == (64, "")
    assert message in outcome.err


def test_one_block(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["pc"].path
    size = next(
        b["used_length"]
        for b in run("info", "--output", "json", path).json["blocks"]
        if b["idstr"] == "pc.bios"
    )
    found = run("search", "--as", "hex", JUMP.hex(), "-b", "pc.bios", path, "--output", "json")
    last = found.json["matches"][-1]
    assert (last["gpa"], last["block_offset"]) == (None, size - 16)


def test_an_unknown_block(fixtures: Fixtures, run: Run) -> None:
    outcome = run("search", "x", "-b", "pc.rma", fixtures["pc"].path)
    assert outcome.status == 64
    assert "no block 'pc.rma'; there is " in outcome.err
    assert "pc.bios" in outcome.err


def test_limit_and_count(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["pc"].path
    every = run("search", "RAM0", path).out.splitlines()
    assert len(every) > 10
    assert run("search", "RAM0", "--limit", "3", path).out.splitlines() == every[:3]
    assert run("search", "RAM0", "--count", path).out == f"{len(every)}\n"
    counted = run("search", "RAM0", "--count", "--limit", "3", path, "--output", "json").json
    assert counted["count"] == 3


def test_nothing_found(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["pc"].path
    outcome = run("search", "there is no such text", path)
    assert outcome == (0, "", f"mappedram: {path}: no match\n")


def test_a_plain_stream_has_the_same_addresses(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["plain"]
    found = run("search", "--as", "hex", JUMP.hex(), fixture.path, "--output", "json").json
    last = found["matches"][-1]
    assert last["gpa"] == JUMP_GPA
    assert last["file_offset"] in places(fixture.path, JUMP)


def test_unknown_pages_are_refused(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["killed"].path
    outcome = run("search", "RAM0", path)
    assert (outcome.status, outcome.out) == (1, "")
    assert "pages unknown" in outcome.err
    assert "--partial" in outcome.err
    outcome = run("search", "RAM0", "--partial", path)
    assert (outcome.status, outcome.out) == (2, "")
    document = run("search", "RAM0", "--partial", path, "--output", "json").json
    assert document["matches"] == []
    assert {one["reason"] for one in document["unknown"]} == {"bitmap-unwritten"}


def test_a_machine_of_which_nothing_is_known(tmp_path: Path, run: Run) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'machine = "nobody-knows"\npage_size = 4096\n'
        '[[block]]\nidstr = "ram"\nsize = 4096\npattern = "c0ffee"\n'
    )
    out = tmp_path / "out"
    assert run("build", recipe, out).status == 0
    outcome = run("search", "--as", "hex", "c0ffee", "--count", out)
    assert (outcome.status, outcome.out) == (63, "")
    assert "--block IDSTR reads one block" in outcome.err
    assert run("search", "--as", "hex", "c0ffee", "--count", "-b", "ram", out).out == "1365\n"


def test_narrow_terminal(
    marked: tuple[Path, int], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = run("search", WORD, marked[0]).out.splitlines()
    assert len(lines) == 2
    assert all(len(line) <= 60 for line in lines)
    assert re.fullmatch(rf" +\|.{{16}}{WORD}.{{16}}\|", lines[1])


def test_an_interrupt(fixtures: Fixtures) -> None:
    """The pipe is full and nobody reads it, so that the search goes on."""
    with subprocess.Popen(
        [sys.executable, "-m", "mappedram", "search", "0", fixtures["pc"].path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.read(1)
        running.send_signal(signal.SIGINT)
        running.stdout.read()
        assert running.stderr.read().strip() == "mappedram: interrupted"
    assert running.returncode == 130


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Two GiB of holes and a page: neither costs memory."""
    recipe = tmp_path / "recipe.toml"
    (tmp_path / "ram.raw").write_bytes(WORD.encode())
    with (tmp_path / "ram.raw").open("r+b") as raw:
        raw.truncate(2 << 30)
    recipe.write_text(
        'machine = "none"\npage_size = 4096\n'
        '[[block]]\nidstr = "ram"\nsize = "2G"\nfile = "ram.raw"\n'
    )
    out = tmp_path / "out"
    assert process("build", recipe, out).returncode == 0
    program = (
        # `ru_maxrss` begins with that of the parent; VmHWM does not.
        "import sys; from mappedram.cli.main import main; status = main(sys.argv[1:]);"
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'));"
        "print(peak.split()[1], file=sys.stderr);"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "search", WORD, "-b", "ram", out],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.startswith(f"{0:#014x}  ram+0x0  file ")
    assert int(done.stderr) < 200 << 10
