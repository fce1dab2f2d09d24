"""Benchmarks of the layer for Volatility 3, against Volatility's own on an export."""

import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from random import Random

from mappedram.export.volatility import PLUGIN_DIRECTORY
from tools.bench.measure import mappedram
from tools.bench.row import Row
from tools.oracle import OracleBlock, OracleFile

GIB = 1 << 30
MIB = 1 << 20
SIZE = 2 * GIB


def rows(folder: Path, stack: ExitStack) -> list[Row]:  # noqa: ARG001
    """Make two guests of 2 GiB in `folder`: one tenth of memory stored, and all of it."""
    if find_spec("volatility3") is None:
        print("no volatility3: run tools/install", file=sys.stderr)
        return []
    return [
        _row("2 GiB, a tenth of it stored", _guest(folder / "tenth", 10), 0.5),
        _row("2 GiB, all of it stored", _guest(folder / "all", 1), 1.1),
    ]


def _guest(path: Path, apart: int) -> Path:
    """A guest with one of every `apart` MiB stored."""
    pages = [(page, page + 256) for page in range(0, SIZE // 4096, 256 * apart)]
    with path.open("w+b") as stream:
        file = OracleFile([OracleBlock("ram", SIZE, pages, Random(0).randbytes(MIB))])
        file.write(stream.fileno())
    export = path.with_suffix(".lime")
    subprocess.run(mappedram("convert", "-O", "lime", path, export), check=True)
    return path


def _row(what: str, path: Path, limit: float) -> Row:
    vol = [str(Path(sys.executable).with_name("vol")), "-q"]
    return Row(
        f"Volatility's `banners.Banners` through the layer, {what}",
        "the same on an export as LiME",
        [*vol, "-p", str(PLUGIN_DIRECTORY), "-f", str(path), "banners.Banners"],
        [*vol, "-f", str(path.with_suffix(".lime")), "banners.Banners"],
        limit=limit,
        resident_limit=200 * MIB,
    )
