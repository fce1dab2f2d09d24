"""The good files to mutate: some by the QEMU under test, some by our own writers."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import mappedram
from mappedram.export.mapped_ram import OutputLayout, lay_out
from mappedram.format.constants import SectionType
from mappedram.qemu.run.guests import GUESTS, TrialGuest
from mappedram.qemu.run.load import QemuLoader
from mappedram.stream.snapshot import OpenSnapshot
from tools.oracle import OracleBlock, OracleFile

PAGE = 4096
#: Bytes of a section of RAM without any page.
EOS_LENGTH = 8
_ATTEMPTS = 50
MAPPED, PLAIN = "mapped-ram", "plain"
#: Filled pages of each block: runs within, across and exactly filling words of the bitmap, one
#: longer than a single read of QEMU, and the last page.
RUNS = ((0, 1), (16, 24), (63, 66), (128, 192), (195, 460), (-1, 0))
#: Offset of a stream whose record MEM_SIZE is at a page boundary: a page area can only lead back to
#: such a place.
MEM_SIZE_ALIGNED = PAGE - 0x51


@dataclass(frozen=True)
class Seed:
    """One good file.

    Attributes:
        name: of the file.
        guest: the machine that loads it, by its name in `mappedram.qemu.run.guests`.
        arch: target of the QEMUs that save and load it.
        what: description for the page.
        make: writes the file; takes the file that QEMU saved of that machine, and the path.
        offset: where the stream begins.
        form: `mapped-ram`, or `plain` for a stream without it.
        own: whether each version of QEMU mutates its own saved file. Other versions cannot load it:
            10.0.2 saves registers of an ARM that 11.1.3 does not know.
    """

    name: str
    guest: str
    arch: str
    what: str
    make: Callable[[Path, Path], None]
    offset: int = 0
    form: str = MAPPED
    own: bool = False

    @property
    def machine(self) -> TrialGuest:
        """The guest, with the capability if the file has it."""
        guest = GUESTS[self.guest]
        return guest if self.form == MAPPED else replace(guest, capabilities=())

    @property
    def saved(self) -> str:
        """Name of the file that QEMU saves of that machine."""
        return f"saved-{self.guest}-{self.arch}-{self.form}"


def fill(idstr: str, fd: int) -> None:
    """Fill the memory of a block with a pattern that distinguishes pages."""
    random, pages = Random(idstr), os.fstat(fd).st_size // PAGE
    for start, stop in RUNS:
        for page in range(start % pages, stop % pages or pages):
            os.pwrite(fd, random.randbytes(PAGE), page * PAGE)


def save_guest(binary: Path, guest: TrialGuest, path: Path) -> None:
    """Let QEMU save a guest with the pattern in it.

    The number of QEMU's rounds, and so of PARTs, depends on the load of the host. The rest is the
    same each time, except for the time in a few devices of `virt`.

    Raises:
        RuntimeError: the pages are never in just one section.
    """
    with QemuLoader(binary, guest, timeout=60) as loader:
        for _ in range(_ATTEMPTS):
            loader.save(path, fill)
            with mappedram.open(path) as snapshot:
                if _parts_with_pages(snapshot) == 1:
                    return
    raise RuntimeError(f"{binary}: no file with all pages in one section in {_ATTEMPTS} attempts")


def _parts_with_pages(snapshot: OpenSnapshot) -> int:
    """Number of PARTs; for a stream without mapped-ram, only those that have pages."""
    parts = [one for one in snapshot.sections if one.type == SectionType.PART]
    if snapshot.stream.mapped_ram:
        return len(parts)
    return sum(one.payload_length > EOS_LENGTH for one in parts)


def _as_saved(saved: Path, path: Path) -> None:
    os.link(saved, path)


def _laid_out(align: int, offset: int = 0) -> Callable[[Path, Path], None]:
    def make(saved: Path, path: Path) -> None:
        with mappedram.open(saved) as snapshot, path.open("w+b") as stream:
            lay_out(snapshot, stream.fileno(), OutputLayout(align=align, offset=offset))

    return make


def _by_oracle(saved: Path, path: Path) -> None:
    """A file without any byte of QEMU and without devices."""
    with mappedram.open(saved) as snapshot, path.open("w+b") as stream:
        blocks = [
            OracleBlock(block.idstr, block.used_length, block.runs().tolist(), fill=b"mapped-ram!")
            for block in snapshot.blocks
        ]
        OracleFile(blocks, parts=3).write(stream.fileno())


_X86, _ARM = "x86_64", "aarch64"

SEEDS = (
    Seed("none", "none", _X86, "saved by QEMU: one block, hardly any device", _as_saved),
    Seed("numa", "numa", _X86, "saved by QEMU: a PC with three blocks of RAM", _as_saved),
    Seed("none-4k", "none", _X86, "laid out anew, pages on 4 KiB", _laid_out(1 << 12)),
    Seed("pc", "pc", _X86, "saved by QEMU: a PC", _as_saved),
    Seed(
        "none-oracle",
        "none",
        _X86,
        "written by `tools/oracle.py`: three PARTs, no device",
        _by_oracle,
    ),
    Seed(
        "none-offset",
        "none",
        _X86,
        "laid out anew behind other bytes, with MEM_SIZE at the beginning of a page",
        _laid_out(1 << 20, MEM_SIZE_ALIGNED),
        MEM_SIZE_ALIGNED,
    ),
    Seed("numa-64k", "numa", _X86, "laid out anew, pages on 64 KiB", _laid_out(1 << 16)),
    Seed("q35", "q35", _X86, "saved by QEMU: a newer PC", _as_saved),
    Seed(
        "virt",
        "virt",
        _ARM,
        "saved by QEMU: an ARM board, with two blocks of flash",
        _as_saved,
        own=True,
    ),
    Seed("none-arm", "none", _ARM, "saved by QEMU: no machine, pages of 1 KiB", _as_saved),
    Seed("none-plain", "none", _X86, "saved by QEMU: as `none`, in records", _as_saved, form=PLAIN),
    Seed("pc-plain", "pc", _X86, "saved by QEMU: as `pc`, in records", _as_saved, form=PLAIN),
    Seed("q35-plain", "q35", _X86, "saved by QEMU: as `q35`, in records", _as_saved, form=PLAIN),
    Seed(
        "virt-plain",
        "virt",
        _ARM,
        "saved by QEMU: as `virt`, in records",
        _as_saved,
        form=PLAIN,
        own=True,
    ),
)
