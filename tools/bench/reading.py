"""Benchmarks of opening and checking files."""

from contextlib import ExitStack
from pathlib import Path

from tools.bench.measure import mappedram, python
from tools.bench.row import Row
from tools.oracle import OracleBlock, OracleFile

GIB = 1 << 30
TIB = 1 << 40
MIB = 1 << 20

_OPEN = "import sys, mappedram; mappedram.open(sys.argv[1])"
_UNPACK = (
    "import sys, os, numpy; fd = os.open(sys.argv[1], os.O_RDONLY);"
    "data = os.pread(fd, int(sys.argv[3]), int(sys.argv[2]));"
    "numpy.unpackbits(numpy.frombuffer(data, numpy.uint8), bitorder='little')"
)


def _write(path: Path, model: OracleFile) -> Path:
    with path.open("w+b") as stream:
        model.write(stream.fileno())
    return path


def _many_runs(length: int, count: int) -> list[tuple[int, int]]:
    """Runs of ten pages, evenly spread over a block."""
    step = length // 4096 // count
    return [(page, page + 10) for page in range(0, step * count, step)]


# long: a table, and the files that it is about
def rows(folder: Path, stack: ExitStack) -> list[Row]:  # noqa: ARG001
    """Make sparse files of a few MiB in `folder`, and return the rows."""
    four = _write(
        folder / "4-gib",
        OracleFile([OracleBlock("pc.ram", 4 * GIB, _many_runs(4 * GIB, 1000))]),
    )
    tib = _write(
        folder / "1-tib",
        OracleFile([OracleBlock(f"block{n}", TIB // 8, [(0, 1 << 20)]) for n in range(8)]),
    )
    one = _write(
        folder / "1-tib-one-block",
        OracleFile([OracleBlock("ram", TIB, _many_runs(TIB, 50_000))]),
    )
    long = _write(
        folder / "many",
        OracleFile([OracleBlock(f"b{n}", 4096) for n in range(1000)], parts=5000),
    )
    longer = _write(
        folder / "many-twice",
        OracleFile([OracleBlock(f"b{n}", 4096) for n in range(2000)], parts=10_000),
    )
    start = python("import construct, json")
    bitmap = 32 * MIB
    return [
        Row(
            "`info`, 4 GiB",
            "`import construct, json`",
            mappedram("info", four),
            start,
            limit=2.5,
            resident_limit=40 * MIB + 2 * (4 * GIB >> 15),
        ),
        Row(
            "`info`, 1 TiB in 8 blocks",
            "`import construct, json`",
            mappedram("info", tib),
            start,
            limit=2.5,
            resident_limit=40 * MIB + 2 * bitmap,
        ),
        Row(
            "opening 5,000 PART and 1,000 blocks",
            "1 second (`sleep 1`)",
            python(_OPEN, long),
            ["sleep", "1"],
            limit=1.0,
        ),
        Row(
            "opening 10,000 PART and 2,000 blocks",
            "half as many of both",
            python(_OPEN, longer),
            python(_OPEN, long),
            limit=2.2,
        ),
        Row(
            "`check`, 1 TiB, 50,000 runs",
            "reading its bitmap and `numpy.unpackbits`",
            mappedram("check", one),
            python(_UNPACK, one, 4096, bitmap),
            limit=3.0,
        ),
    ]
