"""`extract`, `convert` and `build`: what they write, and that they never leave half of it."""

import os
import pty
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import mappedram
from mappedram.check import check
from mappedram.export.stream import to_stream
from tests.cli.conftest import ROOT, Run, interrupted, on, process
from tests.conftest import Fixtures
from tests.files import copy_sparse, extents, patch
from tools.oracle import OracleBlock, OracleFile

MIB = 1 << 20
COMMAND = (sys.executable, "-m", "mappedram")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def memory(path: Path, idstr: str, offset: int = 0) -> bytes:
    with mappedram.open(path, offset) as snapshot:
        block = snapshot.block[idstr]
        return block.read(0, block.used_length)


@pytest.mark.parametrize("name", ["pc", "live", "many-runs", "arm-1k", "offset-unaligned", "numa2"])
@pytest.mark.parametrize("channels", [1, 3])
def test_extract_all(
    fixtures: Fixtures, tmp_path: Path, run: Run, name: str, channels: int
) -> None:
    fixture = fixtures[name]
    outcome = run(*on("extract", fixture, "-d", tmp_path / "ram", "--channels", channels))
    assert (outcome.status, outcome.err) == (0, "")
    with mappedram.open(fixture.path, fixture.offset) as snapshot:
        assert len(list((tmp_path / "ram").iterdir())) == len(snapshot.blocks)
        for block in snapshot.blocks:
            raw = tmp_path / "ram" / f"{block.idstr.replace('/', '%2F')}.raw"
            assert raw.read_bytes() == block.read(0, block.used_length)
            stored = block.bitmap.count() * block.page_size
            assert raw.stat().st_blocks * 512 <= stored + 4096 * len(block.runs())


def test_stale_bytes_do_not_come_along(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Holes are where the bitmap is clear, whatever bytes lie there."""
    fixture = fixtures["live"]
    assert run(*on("extract", fixture, "-b", "pc.ram", "-o", tmp_path / "raw")).status == 0
    with mappedram.open(fixture.path) as snapshot:
        block = snapshot.block["pc.ram"]
        clear = [page for page in range(32, 48) if not block.bitmap[page]]
    assert clear
    data = [
        page for start, end in extents(tmp_path / "raw") for page in range(start >> 12, end >> 12)
    ]
    assert not set(clear) & set(data)


@pytest.mark.parametrize("direct", [(), ("--direct-io",)])
def test_extract_one_and_its_json(
    fixtures: Fixtures, tmp_path: Path, run: Run, direct: tuple[str, ...]
) -> None:
    out = tmp_path / "raw"
    outcome = run(
        *on("extract", fixtures["pc"], "-b", "pc.ram", "-o", out, "--output", "json", *direct)
    )
    assert outcome.status == 0
    assert outcome.json == [
        {
            "idstr": "pc.ram",
            "file": str(out),
            "used_length": 16 * MIB,
            "pages_present": 77,
            "page_size": 4096,
            "unknown": [],
        }
    ]
    assert out.read_bytes() == memory(fixtures["pc"].path, "pc.ram")


@pytest.mark.parametrize("name", ["pc", "plain", "numa2"])
def test_extract_to_standard_output(name: str, fixtures: Fixtures, tmp_path: Path) -> None:
    with mappedram.open(fixtures[name].path) as snapshot:
        idstr = snapshot.blocks[0].idstr
    args = [*COMMAND, "extract", str(fixtures[name].path), "-b", idstr, "-o", "-"]
    done = subprocess.run(args, capture_output=True, check=True, cwd=tmp_path, env=ENVIRONMENT)
    assert done.stdout == memory(fixtures[name].path, idstr)
    assert done.stderr == b""
    assert not list(tmp_path.iterdir())


def test_a_terminal_gets_no_memory(fixtures: Fixtures) -> None:
    main, terminal = pty.openpty()
    try:
        done = process(
            *("extract", fixtures["pc"].path, "-b", "pc.ram", "-o", "-"),
            stdout=terminal,
            stderr=subprocess.PIPE,
            capture_output=False,
        )
    finally:
        os.close(terminal)
        os.close(main)
    assert done.returncode == 64
    assert "-o -: standard output is a terminal" in done.stderr


def test_unknown_pages_to_standard_output(fixtures: Fixtures, tmp_path: Path) -> None:
    args = [*COMMAND, "extract", str(fixtures["killed"].path), "-b", "pc.ram", "-o", "-"]
    done = subprocess.run(args, capture_output=True, check=False, cwd=tmp_path, env=ENVIRONMENT)
    assert (done.returncode, done.stdout) == (1, b"")
    done = subprocess.run(
        [*args, "--partial"], capture_output=True, check=False, cwd=tmp_path, env=ENVIRONMENT
    )
    assert (done.returncode, done.stdout) == (2, bytes(16 * MIB))
    assert b"4096 of 4096 pages unknown" in done.stderr


@pytest.mark.parametrize("verb", ["convert", "repair", "metadump", "build"])
@pytest.mark.parametrize("out", ["-", "--out"])
def test_no_file_is_called_like_an_option(
    verb: str,
    out: str,
    fixtures: Fixtures,
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    options: dict[str, list[object]] = {
        "convert": ["-O", "raw"],
        "build": ["--from", fixtures["pc"].path],
    }
    before = options.get(verb, [])
    files = [] if verb == "build" else [fixtures["pc"].path]
    outcome = run(verb, *before, "--", *files, out)
    assert outcome.status == 64
    assert f"./{out} is a file of that name" in outcome.err
    assert not list(tmp_path.iterdir())


def test_names_never_lead_out_of_the_directory(tmp_path: Path, run: Run) -> None:
    names = [
        "../../evil",
        "/etc/passwd",
        "..",
        ".",
        ".hidden",
        "a\nb",
        "\x1b[31m",
        "x" * 255,
        "%2F",
    ]
    path = tmp_path / "hostile"
    with path.open("w+b") as stream:
        OracleFile([OracleBlock(n, 4096, [(0, 1)], b"\1") for n in names]).write(stream.fileno())
    outcome = run("extract", path, "-d", tmp_path / "inner" / "ram")
    assert outcome.status == 0
    written = [entry for entry in tmp_path.rglob("*") if entry.is_file() and entry != path]
    assert len(written) == len(names)
    for entry in written:
        assert entry.parent == tmp_path / "inner" / "ram"
        assert entry.name.isprintable()
        assert not entry.name.startswith(".")
    assert "\x1b" not in outcome.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "one of -d DIR and -o OUT"),
        (("-d", "x", "-o", "y"), "one of -d DIR and -o OUT"),
        (("-o", "y"), "takes one block, not 6"),
        (("-b", "nothing", "-o", "y"), "no block 'nothing'"),
        (("-d", "x", "--channels", "0"), "--channels"),
        (("-b", "pc.ram", "-o", "-", "--direct-io"), "-o - cannot be used with"),
        (("-b", "pc.ram", "-o", "-", "--output", "json"), "-o - cannot be used with"),
    ],
)
def test_wrong_usage(
    fixtures: Fixtures, tmp_path: Path, run: Run, args: tuple[str, ...], said: str
) -> None:
    outcome = run("extract", fixtures["pc"].path, *args)
    assert outcome.status == 64
    assert said in outcome.err
    assert not list(tmp_path.iterdir())


def test_what_exists_is_kept_without_force(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "raw"
    out.write_text("precious")
    outcome = run(*on("extract", fixtures["pc"], "-b", "pc.ram", "-o", out))
    assert outcome.status == 1
    assert f"{out}: already exists" in outcome.err
    assert out.read_text() == "precious"
    assert run(*on("extract", fixtures["pc"], "-b", "pc.ram", "-o", out, "--force")).status == 0
    assert out.stat().st_size == 16 * MIB
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["killed", "background-snapshot"])
def test_files_without_valid_bitmaps_are_not_extracted(
    fixtures: Fixtures, tmp_path: Path, run: Run, name: str
) -> None:
    """Their bitmaps are empty: the result would be zeros that look like memory."""
    outcome = run(*on("extract", fixtures[name], "-d", tmp_path / "ram"))
    assert outcome.status == 1
    assert "pages unknown" in outcome.err
    assert not (tmp_path / "ram").exists()


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--sparse",),
        ("--dense",),
        ("--align", "4K"),
        ("--align", "2M"),
        ("--out-offset", "4665"),
        ("--direct-io", "--channels", "3"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("name", ["pc", "zero-page-none", "live", "arm-1k"])
def test_convert_keeps_ram_and_devices(
    fixtures: Fixtures, tmp_path: Path, run: Run, name: str, options: tuple[str, ...]
) -> None:
    fixture, out = fixtures[name], tmp_path / "out"
    outcome = run(*on("convert", fixture, "-O", "mapped-ram", out, *options))
    assert outcome.status == 0, outcome.err
    offset = 4665 if "--out-offset" in options else 0
    assert check(out, offset).verdict == "clean"
    with mappedram.open(fixture.path, fixture.offset) as old, mappedram.open(out, offset) as new:
        for block in old.blocks:
            again = new.block[block.idstr]
            assert again.read(0, block.used_length) == block.read(0, block.used_length)
        kinds = [(s.type, s.idstr, s.length) for s in old.sections if s.idstr != "ram"]
        assert kinds == [(s.type, s.idstr, s.length) for s in new.sections if s.idstr != "ram"]
    if "--sparse" in options and name == "zero-page-none":
        assert out.stat().st_blocks * 8 < fixture.path.stat().st_blocks
    if "--dense" in options:
        assert out.stat().st_blocks * 512 >= out.stat().st_size


def test_convert_to_raw(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "raw"
    assert run("convert", "-O", "raw", fixtures["none"].path, out).status == 0
    assert out.read_bytes() == memory(fixtures["none"].path, "ram")
    other = tmp_path / "other"
    assert run("convert", "-O", "raw", "-b", "pc.ram", fixtures["pc"].path, other).status == 0
    assert other.read_bytes() == memory(fixtures["pc"].path, "pc.ram")
    outcome = run("convert", "-O", "raw", "-b", "no", fixtures["pc"].path, other, "--force")
    assert outcome.status == 64
    assert "no block 'no'" in outcome.err


def test_build_from_a_donor(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    ram, out = tmp_path / "ram.raw", tmp_path / "out"
    content = np.random.default_rng(5).bytes(16 * MIB)
    ram.write_bytes(content)
    args = ("--from", fixtures["pc"].path, "--set", f"pc.ram={ram}", out)
    assert run("build", *args).status == 0
    assert memory(out, "pc.ram") == content
    assert memory(out, "pc.bios") == memory(fixtures["pc"].path, "pc.bios")
    assert check(out).verdict == "clean"


def test_build_from_a_recipe(tmp_path: Path, run: Run) -> None:
    (tmp_path / "r.toml").write_text(
        'machine = "none"\npage_size = "64K"\nalign = "1M"\n'
        '[[block]]\nidstr = "a"\nsize = "3M"\npattern = "address"\n'
        '[[block]]\nidstr = "b"\nsize = "1M"\npattern = "c0ffee"\n'
        '[[block]]\nidstr = "c"\nsize = "1M"\nfile = "c.raw"\n'
        '[[block]]\nidstr = "d"\nsize = "1M"\nzero = true\n'
    )
    (tmp_path / "c.raw").write_bytes(b"\7" * MIB)
    out = tmp_path / "out"
    outcome = run("build", tmp_path / "r.toml", out)
    assert outcome.status == 0, outcome.err
    assert check(out).verdict == "clean"
    assert memory(out, "a") == np.arange(0, 3 * MIB, 8, dtype="<u8").tobytes()
    assert memory(out, "b") == (b"\xc0\xff\xee" * MIB)[:MIB]
    assert memory(out, "c") == b"\7" * MIB
    assert memory(out, "d") == bytes(MIB)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("machine = ", "Invalid value"),
        ('machine = "none"', "page_size: missing"),
        (
            'machine = "none"\npage_size = "5K"\n[[block]]\nidstr="a"\nsize="5K"\nzero=true',
            "power of",
        ),
        ('machine = "none"\npage_size = "4K"\n[[block]]\nidstr="a"\nsize="4K"', "one of file"),
        ('machine = "none"\npage_size = "4K"\nspeed = 1\nblock = []', "unknown key 'speed'"),
        ('machine = "none"\npage_size = "x"\nblock = []', "page_size: 'x'"),
        ('machine = 3\npage_size = "4K"\nblock = []', "wrong type"),
        ('donor = "d"\nmachine = "none"', "cannot be set together with donor"),
        (
            'machine="none"\npage_size="4K"\n[[block]]\nidstr="a"\nsize="4K"\npattern="xyz"',
            "in hex",
        ),
        (
            'machine="none"\npage_size="4K"\n[[block]]\nidstr="a"\nsize="4K"\nfile="no"',
            "No such file",
        ),
    ],
)
def test_recipes_that_do_not_work(tmp_path: Path, run: Run, text: str, said: str) -> None:
    recipe, out = tmp_path / "r.toml", tmp_path / "out"
    recipe.write_text(text)
    outcome = run("build", recipe, out)
    assert outcome.status == 1
    assert said in outcome.err
    assert list(tmp_path.iterdir()) == [recipe]


def test_recipe_with_a_file_that_cannot_be_read(tmp_path: Path, run: Run) -> None:
    recipe, out = tmp_path / "r.toml", tmp_path / "out"
    block = '[[block]]\nidstr = "a"\nsize = "4K"\nfile = "/dev/null"'
    recipe.write_text(f'machine = "none"\npage_size = "4K"\n{block}')
    outcome = run("build", recipe, out)
    assert outcome.status == 63
    assert outcome.err.startswith("mappedram: /dev/null: a character device")
    assert list(tmp_path.iterdir()) == [recipe]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("out",), "RECIPE and OUT"),
        (("--from", "d", "a", "b"), "only OUT"),
        (("--set", "a=b", "r", "out"), "--set requires --from"),
        (("--from", "d", "--set", "ab", "out"), "IDSTR=FILE"),
    ],
)
def test_build_usage(run: Run, args: tuple[str, ...], said: str) -> None:
    outcome = run("build", *args)
    assert outcome.status == 64
    assert said in outcome.err


@pytest.mark.parametrize(
    ("idstr", "name", "status", "blamed", "said"),
    [
        ("pc.ram", "small", 1, "small", "expected 0x1000000"),
        ("rom", "small", 64, "", "no block 'rom'"),
        ("pc.ram", "pipe", 63, "pipe", "a pipe"),
        ("pc.ram", "folder", 1, "folder", "Is a directory"),
    ],
)
def test_set_that_does_not_work(
    fixtures: Fixtures,
    tmp_path: Path,
    run: Run,
    idstr: str,
    name: str,
    status: int,
    blamed: str,
    said: str,
) -> None:
    """And the file that is to blame is named, once."""
    (tmp_path / "small").write_bytes(bytes(4096))
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "donor").symlink_to(fixtures["pc"].path)
    out = tmp_path / "out"
    outcome = run("build", "--from", tmp_path / "donor", "--set", f"{idstr}={tmp_path / name}", out)
    assert outcome.status == status
    named = tmp_path / blamed if blamed else "build"
    assert outcome.err.startswith(f"mappedram: {named}: {said}")
    assert not out.exists()


# Ends before the end.


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a GiB in short runs: long enough to be interrupted."""
    path = tmp_path_factory.mktemp("large") / "snapshot"
    pages = (1 << 29) // 4096
    runs = [(page, page + 3) for page in range(0, pages, 4)]
    with path.open("w+b") as stream:
        OracleFile([OracleBlock("ram", 1 << 29, runs, b"\xaa")]).write(stream.fileno())
    with mappedram.open(path) as snapshot, path.with_name("stream").open("w+b") as plain:
        to_stream(snapshot, plain.fileno())
    return path


JOBS: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "extract": lambda file, out: ("extract", file, "-d", out),
    "convert": lambda file, out: ("convert", "-O", "mapped-ram", file, out / "copy"),
    "from-stream": lambda file, out: (
        *("convert", "-O", "mapped-ram", file.with_name("stream"), out / "copy"),
    ),
    "build": lambda file, out: ("build", "--from", file, out / "copy"),
    "stream": lambda file, out: ("convert", "-O", "stream", file, out / "copy"),
    "elf": lambda file, out: ("convert", "-O", "elf", file, out / "copy"),
    "lime": lambda file, out: ("convert", "-O", "lime", file, out / "copy"),
    "padded": lambda file, out: ("convert", "-O", "raw", file, out / "copy"),
}


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
    ids=["ctrl-c", "sigterm"],
)
def test_a_signal_leaves_nothing_behind(
    large: Path, tmp_path: Path, job: str, number: signal.Signals, status: int, word: str
) -> None:
    before = large.stat()
    out = tmp_path / "out"
    out.mkdir()
    done = interrupted(number, out, *JOBS[job](large, out))
    assert (done.returncode, done.stderr.strip()) == (status, f"mappedram: {word}")
    assert list(out.iterdir()) == []
    assert (large.stat().st_mtime_ns, large.stat().st_size) == (before.st_mtime_ns, before.st_size)


@pytest.mark.parametrize("job", JOBS)
def test_a_full_disk_leaves_nothing_behind(large: Path, tmp_path: Path, job: str) -> None:
    """A limit on file size stands for the full disk: writing fails midway in the same way."""
    out = tmp_path / "out"
    out.mkdir()

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 26, 1 << 26))

    done = process(*JOBS[job](large, out), preexec_fn=limit)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert list(out.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
@pytest.mark.parametrize("job", JOBS)
def test_a_really_full_disk(large: Path, tmp_path: Path, job: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16M", "none", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        done = process(*JOBS[job](large, disk))
        left = list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)
    assert done.returncode == 1
    blamed = done.stderr.splitlines()[-1]
    where = rf"mappedram: {re.escape(str(disk))}/\S+"
    pattern = rf"{where}: No space left on device( \(at 0x[0-9a-f]+\))?"
    assert re.fullmatch(pattern, blamed)
    assert left == []


def test_input_that_is_shorter_than_its_bitmap_says(
    fixtures: Fixtures, tmp_path: Path, run: Run
) -> None:
    """The last page of the last block is promised and not there."""
    path = copy_sparse(fixtures["none"].path, tmp_path / "cut")
    with mappedram.open(path) as snapshot:
        (block,) = snapshot.stream.blocks
        assert block.bitmap_offset is not None
        huge = (1 << 40).to_bytes(8, "big")
        place = block.offset + 1 + len(block.idstr)
    patch(path, place, huge)
    outcome = run("extract", path, "-d", tmp_path / "ram")
    assert outcome.status == 1
    assert "pages of block 'ram' end at" in outcome.err
    assert not (tmp_path / "ram").exists()
