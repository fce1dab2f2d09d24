"""Benchmarks of moving pages: extracting and building, against `cp` and against QEMU."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.bench.measure import mappedram
from tools.bench.row import Command, Row
from tools.oracle import OracleBlock, OracleFile

GIB = 1 << 30
MIB = 1 << 20
#: Guest memory of the files; the page cache must hold a file and its copy.
SIZE = 4 * GIB
RESIDENT = 150 * MIB


def rows(folder: Path, stack: ExitStack) -> list[Row]:
    """Return the rows; files of up to 3 GiB are made in `folder` just before their row."""
    return [
        Row(
            "`extract`, 4 GiB, 60 % in 20,000 runs",
            "`cp --sparse=auto`",
            *_extract(folder, "runs", runs_of),
            limit=1.1,
            resident_limit=RESIDENT,
        ),
        Row(
            "`extract`, 4 GiB, 50 % random single pages",
            "`cp --sparse=always`",
            *_extract(folder, "random", _random_pages, "--sparse=always"),
            limit=1.5,
            resident_limit=RESIDENT,
        ),
        _build(folder),
        *_reflink(folder, stack),
        *_save(folder),
    ]


def _snapshot(path: Path, runs: Callable[[], list[tuple[int, int]]], size: int = SIZE) -> Path:
    """A snapshot of one block, made on first use."""
    if not path.exists():
        fill = random.Random(1).randbytes(4096)
        with path.open("w+b") as stream:
            OracleFile([OracleBlock("pc.ram", size, runs(), fill)]).write(stream.fileno())
    return path


def snapshot_with_runs(folder: Path) -> Path:
    """A snapshot of one block of 4 GiB, 60 % of it stored in 20,000 runs."""
    return _snapshot(folder / "runs", runs_of)


def runs_of(size: int = SIZE) -> list[tuple[int, int]]:
    """Runs of 1 to 60 pages, 1 to 40 pages apart."""
    chosen, runs, page = random.Random(1), [], 0
    while page < size // 4096:
        length = chosen.randint(1, 60)
        runs.append((page, min(size // 4096, page + length)))
        page += length + chosen.randint(1, 40)
    return runs


_HALF = 0.5


def _random_pages() -> list[tuple[int, int]]:
    """Choose each page with a probability of one half."""
    import numpy as np

    stored = np.random.default_rng(1).random(SIZE // 4096) < _HALF
    edges = np.flatnonzero(np.diff(stored, prepend=False, append=False)).reshape(-1, 2)
    return [(start, stop) for start, stop in edges.tolist()]


def _all_pages() -> list[tuple[int, int]]:
    return [(page, page + 4096) for page in range(0, SIZE // 4096, 4096)]


def _extract(
    folder: Path, name: str, runs: Callable[[], list[tuple[int, int]]], how: str = "--sparse=auto"
) -> tuple[Command, Command, Command]:
    """Our command, the peer's, and the command that prepares both."""
    snapshot, out = _snapshot(folder / name, runs), folder / "out"
    return (
        mappedram("extract", snapshot, "-b", "pc.ram", "-o", out),
        ["cp", how, str(snapshot), str(out)],
        ["rm", "-f", str(out)],
    )


def _build(folder: Path) -> Row:
    """Build a snapshot with a donor's devices and other RAM, all of it stored."""
    donor = _snapshot(folder / "donor", lambda: [(0, 1)])
    full, out = _snapshot(folder / "full", _all_pages), folder / "out"
    ram = folder / "ram.raw"
    subprocess.run(mappedram("extract", full, "-b", "pc.ram", "-o", ram), check=True)
    full.unlink()
    return Row(
        "`build --from`, 4 GiB, all pages",
        "`cp --sparse=auto`",
        mappedram("build", "--from", donor, "--set", f"pc.ram={ram}", out),
        ["cp", "--sparse=auto", str(ram), str(out)],
        ["rm", "-f", str(out)],
        limit=1.3,
        resident_limit=RESIDENT,
    )


def _reflink(folder: Path, stack: ExitStack) -> Iterator[Row]:
    """Rows on XFS, which shares blocks between files; none if it cannot be mounted."""
    try:
        disk = stack.enter_context(xfs(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no row for reflink: {error}", file=sys.stderr)
        return
    size = 8 * GIB
    snapshot = _snapshot(disk / "runs", lambda: runs_of(size), size)
    out = disk / "out"
    ours = mappedram("extract", snapshot, "-b", "pc.ram", "-o", out)
    # The second peer shares blocks as well: the kernel limits both.
    bound = "the kernel needs as long to share these extents: see `cp --reflink=always`"
    for how, limit in (("never", 0.1), ("always", 1.5)):
        yield Row(
            "`extract`, 8 GiB, 60 %, XFS with reflink",
            f"`cp --reflink={how}`",
            ours,
            ["cp", f"--reflink={how}", str(snapshot), str(out)],
            ["rm", "-f", str(out)],
            limit=limit,
            resident_limit=RESIDENT,
            bound=bound if how == "never" else "",
        )


@contextmanager
def xfs(folder: Path) -> Iterator[Path]:
    """A disk with a file system that shares blocks, in a sparse file in `folder`."""
    image, disk = folder / "xfs.img", folder / "xfs"
    if shutil.which("mkfs.xfs") is None:
        raise FileNotFoundError("mkfs.xfs is not installed")
    with image.open("wb") as stream:
        stream.truncate(24 * GIB)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    disk.mkdir()
    subprocess.run(["mount", "-o", "loop", image, disk], check=True, capture_output=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)
        image.unlink()


def _save(folder: Path) -> Iterator[Row]:
    """Save the same RAM by QEMU with two channels; its start and its end do not count."""
    from tools.qemu import find

    if find() is None:
        print("no row for a save by QEMU: it is not installed", file=sys.stderr)
        return
    ram, out = folder / "ram.raw", folder / "out"
    donor = folder / "qemu-donor"
    saver = [sys.executable, "-m", "tools.bench.qemu_save", str(ram), str(SIZE)]
    if not donor.exists():
        empty = folder / "empty.raw"
        with empty.open("wb") as stream:
            stream.truncate(SIZE)
        subprocess.run(
            [sys.executable, "-m", "tools.bench.qemu_save", str(empty), str(SIZE), str(donor)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    yield Row(
        "`build --from`, 4 GiB, the whole process",
        "QEMU, multifd with 2 channels, migration alone",
        mappedram("build", "--from", donor, "--set", f"ram={ram}", "--channels", 2, out),
        [*saver, str(out)],
        ["rm", "-f", str(out)],
        limit=1.0,
        resident_limit=RESIDENT,
        peer_reports=True,
    )
