"""Benchmarks of files behind URLs, against downloading them, and against the clock.

`python -m tools.bench.remote` prints another table: how many requests each verb makes, and how many
bytes it fetches.
"""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from random import Random

from tests.io.remote.nginx import find, running
from tests.io.remote.serving import serving
from tools.bench.measure import mappedram, python
from tools.bench.row import Command, Row
from tools.oracle import OracleBlock, OracleFile

GIB = 1 << 30
MIB = 1 << 20
KIB = 1 << 10
PAGE = 4096
SIZE = 2 * GIB
#: Largest resident memory of a bulk reader.
RESIDENT = 150 * MIB
#: Seconds of each request, for `info` and `check`.
LATENCY = 0.05
#: Lengths of ten blocks, as those of a q35 machine.
TEN = (256 * GIB, 16 * MIB, 2 * MIB, *[256 * KIB] * 3, 128 * KIB, 64 * KIB, PAGE, PAGE)

_DOWNLOAD = (
    "import sys, fsspec, mappedram; fsspec.filesystem('http').get_file(sys.argv[1], sys.argv[2]);"
    "mappedram.extract(sys.argv[2], sys.argv[3], channels=2, force=True)"
)
_PEER = "downloading with fsspec, then `extract`"


def rows(folder: Path, stack: ExitStack) -> list[Row]:
    """Rows of files of 2 GiB on nginx, and of one of 256 GiB on a server that is far away."""
    far = stack.enter_context(serving(folder))
    far.latency = LATENCY
    url = far.at(_ten(folder).name)
    waits = [
        Row(
            f"`{verb}`, 256 GiB in ten blocks, {LATENCY * 1000:.0f} ms for each request",
            f"{seconds} s (`sleep {seconds}`)",
            mappedram(verb, url),
            ["sleep", str(seconds)],
        )
        for verb, seconds in (("info", 1), ("check", 2))
    ]
    program = find()
    if program is None:
        print("no rows for extract: nginx is not installed", file=sys.stderr)
        return waits
    (folder / "nginx").mkdir()
    server = stack.enter_context(running(program, folder, folder / "nginx"))
    files = {
        "all pages": (_file(folder / "full", 1, 1), 1.0),
        "10 % in 1,024 runs": (_file(folder / "tenth", 512, 51), 0.5),
        "10 % in 8,192 runs": (_file(folder / "short", 64, 6), 0.7),
    }
    return waits + [
        Row(
            f"`extract` over HTTP, 2 GiB, {what}",
            _PEER,
            mappedram("extract", "--force", f"{server}/{path.name}", "-d", folder / "out"),
            python(_DOWNLOAD, f"{server}/{path.name}", folder / "whole", folder / "out"),
            ["rm", "-rf", str(folder / "out"), str(folder / "whole")],
            limit=limit,
            resident_limit=RESIDENT,
        )
        for what, (path, limit) in files.items()
    ]


def _ten(folder: Path) -> Path:
    """A snapshot of ten blocks."""
    blocks = [
        OracleBlock(f"block{number}", length, [(0, min(16, length // PAGE))])
        for number, length in enumerate(TEN)
    ]
    return _write(folder / "ten", OracleFile(blocks, "pc-q35-10.0"))


def _file(path: Path, step: int, length: int) -> Path:
    """A snapshot that stores `length` pages of each `step`."""
    runs = [(page, page + length) for page in range(0, SIZE // PAGE, step)]
    if step == length:
        runs = [(0, SIZE // PAGE)]
    fill = Random(1).randbytes(PAGE)
    return _write(path, OracleFile([OracleBlock("pc.ram", SIZE, runs, fill)], "pc-q35-10.0"))


def _write(path: Path, model: OracleFile) -> Path:
    with path.open("w+b") as stream:
        model.write(stream.fileno())
    return path


def _verbs(folder: Path) -> dict[str, Command]:
    """Commands that read a file behind a URL, which follows the first word or those given."""
    out = str(folder / "out")
    return {
        "info": (),
        "check": (),
        "layout": (),
        "map": (),
        "restore-hint": (),
        "dump": ("--block", "pc.ram", "--at", "0x1000000,256"),
        "metadump": (out,),
        "search": ("needle",),
        "extract": ("-d", out),
        "convert -O mapped-ram": (out,),
        "convert -O elf": (out,),
        "convert -O stream": (out,),
    }


def main() -> None:
    """Print the table of requests."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(serving(folder))
        files = [_file(folder / "tenth", 512, 51), _ten(folder)]
        print("| verb | file | size | requests | fetched |")
        print("|---|---|---|---|---|")
        for path in files:
            for verb, words in _verbs(folder).items():
                if path.name == "ten" and words:
                    continue
                server.requests.clear()
                url = [server.at(path.name)]
                first, *further = verb.split()
                order = ["--", *words, *url] if verb == "search" else [*url, *words]
                subprocess.run(
                    mappedram(first, *further, *order), check=True, stdout=subprocess.DEVNULL
                )
                subprocess.run(["rm", "-rf", str(folder / "out")], check=True)
                print(
                    f"| `{verb}` | {path.name} | {path.stat().st_size / MIB:,.0f} MiB |"
                    f" {len(server.requests)} | {server.bytes_asked / MIB:.1f} MiB |"
                )


if __name__ == "__main__":
    main()
