"""Benchmarks of searching guest-physical memory, against grep on the memory as a raw file."""

import subprocess
from contextlib import ExitStack
from pathlib import Path
from random import Random

from tools.bench.measure import mappedram, python
from tools.bench.row import Row
from tools.oracle import OracleBlock, OracleFile

GIB = 1 << 30
TIB = 1 << 40
MIB = 1 << 20
SIZE = 2 * GIB
RUNS = 50_000

#: Counts the matches of an argument.
_SEARCH = (
    "import sys, mappedram; snapshot = mappedram.open(sys.argv[1]);"
    "print(sum(1 for _ in snapshot.physical.search(sys.argv[2].encode())))"
)


# long: a table, and the files that it is about
def rows(folder: Path, stack: ExitStack) -> list[Row]:  # noqa: ARG001
    """Make three files of 2 GiB in `folder`, and one of 1 TiB with 2 GiB of data."""
    mapped, stream, raw = folder / "mapped", folder / "stream", folder / "raw"
    fill = Random(0).randbytes(MIB)
    # All pages, in runs so short that writing them does not affect the measured memory.
    pages = [(page, page + MIB // 4096) for page in range(0, SIZE // 4096, MIB // 4096)]
    _write(mapped, OracleFile([OracleBlock("ram", SIZE, pages, fill)]))
    for command in (("convert", "-O", "stream", mapped, stream), ("extract", mapped, "-o", raw)):
        subprocess.run(mappedram(*command), check=True, stdout=subprocess.DEVNULL)
    step = TIB // 4096 // RUNS
    runs = [(page, page + 10) for page in range(0, step * RUNS, step)]
    wide = _write(folder / "wide", OracleFile([OracleBlock("ram", TIB, runs, fill[: 10 * 4096])]))
    resident = 80 * MIB
    grep = "`grep -c` in the raw file"
    return [
        Row(
            "`search`, 2 GiB, a word of 13 bytes",
            grep,
            python(_SEARCH, mapped, "Linux version"),
            _grep("Linux version", raw),
            limit=2.0,
            resident_limit=resident,
        ),
        Row(
            "`search`, 2 GiB, two bytes",
            grep,
            python(_SEARCH, mapped, "zq"),
            _grep("zq", raw),
            limit=2.0,
            resident_limit=resident,
        ),
        Row(
            "`search`, 2 GiB, in a stream without mapped-ram",
            grep,
            python(_SEARCH, stream, "Linux version"),
            _grep("Linux version", raw),
            limit=3.5,
            resident_limit=resident,
        ),
        Row(
            "`search`, 1 TiB, of which 50,000 runs of 40 KiB are stored",
            f"{grep} of 2 GiB",
            python(_SEARCH, wide, "Linux version"),
            _grep("Linux version", raw),
            limit=4.0,
            resident_limit=resident + 3 * (TIB >> 15),
        ),
    ]


def _write(path: Path, model: OracleFile) -> Path:
    with path.open("w+b") as stream:
        model.write(stream.fileno())
    return path


def _grep(word: str, raw: Path) -> list[str]:
    """Grep exits with 1 if it finds nothing, which is success here."""
    return ["sh", "-c", 'grep -c "$1" "$2" || true', "sh", word, str(raw)]
