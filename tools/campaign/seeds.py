"""The good files that are mutated: some by the QEMU under test, some by our own writers."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import mappedram
from mappedram.convert.mapped_ram import Layout, lay_out
from mappedram.fuzz.qemu import QemuLoader
from mappedram.layout.constants import SectionType
from tools.oracle import OracleBlock, OracleFile

PAGE = 4096
_ATTEMPTS = 50
#: Pages of each block that are filled: runs within, across and exactly filling words of the bitmap,
#: one longer than what QEMU reads at once, and the last page.
RUNS = ((0, 1), (16, 24), (63, 66), (128, 192), (195, 460), (-1, 0))
#: Where the stream has to begin for the record MEM_SIZE to stand at the beginning of a page, which
#: is the only place that a page area can lead back to.
MEM_SIZE_ALIGNED = PAGE - 0x51


@dataclass(frozen=True)
class Seed:
    """One good file.

    Attributes:
        name: of the file.
        guest: which machine loads it, by its name in `mappedram.fuzz.guests`.
        what: what it is, for the page.
        make: writes it; gets the file that QEMU saved of that machine, and the path to write.
        offset: where the stream begins.
    """

    name: str
    guest: str
    what: str
    make: Callable[[Path, Path], None]
    offset: int = 0


def fill(idstr: str, fd: int) -> None:
    """Put a pattern into the memory of a block that tells pages apart."""
    random, pages = Random(idstr), os.fstat(fd).st_size // PAGE
    for start, stop in RUNS:
        for page in range(start % pages, stop % pages or pages):
            os.pwrite(fd, random.randbytes(PAGE), page * PAGE)


def save_guest(binary: Path, guest: str, path: Path) -> None:
    """Let QEMU save a guest with the pattern in it.

    How often QEMU goes round, and so how many PARTs there are, depends on how busy the host is; all
    else is the same each time.

    Raises:
        RuntimeError: there is never just one PART.
    """
    with QemuLoader(binary, guest, timeout=60) as loader:
        for _ in range(_ATTEMPTS):
            loader.save(path, fill)
            with mappedram.open(path) as snapshot:
                if sum(section.type == SectionType.PART for section in snapshot.sections) == 1:
                    return
    raise RuntimeError(f"{binary}: no file with one PART in {_ATTEMPTS} attempts")


def _as_saved(saved: Path, path: Path) -> None:
    os.link(saved, path)


def _laid_out(align: int, offset: int = 0) -> Callable[[Path, Path], None]:
    def make(saved: Path, path: Path) -> None:
        with mappedram.open(saved) as snapshot, path.open("w+b") as stream:
            lay_out(snapshot, stream.fileno(), Layout(align=align, offset=offset))

    return make


def _by_oracle(saved: Path, path: Path) -> None:
    """A file of which no byte is QEMU's, and which has no devices."""
    with mappedram.open(saved) as snapshot, path.open("w+b") as stream:
        blocks = [
            OracleBlock(block.idstr, block.used_length, block.runs().tolist(), fill=b"mapped-ram!")
            for block in snapshot.blocks
        ]
        OracleFile(blocks, parts=3).write(stream.fileno())


SEEDS = (
    Seed("none", "none", "saved by QEMU: one block, hardly any device", _as_saved),
    Seed("numa", "numa", "saved by QEMU: a PC with three blocks of RAM", _as_saved),
    Seed("none-4k", "none", "laid out anew, pages on 4 KiB", _laid_out(1 << 12)),
    Seed("pc", "pc", "saved by QEMU: a PC", _as_saved),
    Seed("none-oracle", "none", "written by `tools/oracle.py`: three PARTs, no device", _by_oracle),
    Seed(
        "none-offset",
        "none",
        "laid out anew behind other bytes, with MEM_SIZE at the beginning of a page",
        _laid_out(1 << 20, MEM_SIZE_ALIGNED),
        MEM_SIZE_ALIGNED,
    ),
    Seed("numa-64k", "numa", "laid out anew, pages on 64 KiB", _laid_out(1 << 16)),
)
