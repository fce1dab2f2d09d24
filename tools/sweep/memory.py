"""The RAM blocks of a running QEMU, by `idstr`, read from its process."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from mappedram.stream.block import Block
from tools.qemu import Machine, pattern
from tools.sweep.guests import LARGEST, ROW

#: Blocks that extend beyond their allocation, into memory of QEMU itself (errata E-061).
BEYOND = frozenset(("sram-as-io",))
_PAGE = 4096
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Ram:
    """One block: its address in the process, and its length in bytes."""

    idstr: str
    address: int
    used_length: int


def blocks(machine: Machine) -> list[Ram]:
    """All RAM blocks in the monitor's list."""
    found = re.findall(
        r"^\s*(\S+)\s+\d+ \wiB\s+0x\w+\s+(0x\w+)\s+0x\w+\s+(0x\w+)",
        machine.hmp("info ramblock"),
        re.MULTILINE,
    )
    return [Ram(idstr, int(address, 16), int(used, 16)) for idstr, used, address in found]


def fill(machine: Machine, names: tuple[str, ...]) -> None:
    """Write a pattern into some blocks: a row of pages, some in the middle, and the last ones."""
    with Path(f"/proc/{machine.pid}/mem").open("r+b", buffering=0) as memory:
        for number, ram in enumerate(ram for ram in blocks(machine) if ram.idstr in names):
            seed = pattern.seed(b"RAM%d" % number)
            for page in _pages(ram.used_length // _PAGE):
                memory.seek(ram.address + page * _PAGE)
                memory.write(pattern.expected(page, _PAGE, seed))


def digests(machine: Machine) -> dict[str, str]:
    """A digest of each block that is not too large."""
    with Path(f"/proc/{machine.pid}/mem").open("rb", buffering=0) as memory:
        result = {}
        for ram in blocks(machine):
            if ram.used_length <= LARGEST and ram.idstr not in BEYOND:
                memory.seek(ram.address)
                result[ram.idstr] = _digest(_read(memory, ram.used_length))
    return result


def digest_of(block: Block) -> str:
    """The digest of a block of a snapshot.

    Raises:
        MappedRamError: the block cannot be read.
    """
    steps = range(0, block.used_length, _CHUNK)
    return _digest(block.read(at, min(_CHUNK, block.used_length - at)) for at in steps)


def _pages(count: int) -> Iterator[int]:
    """Pages of a block with a pattern; not the first ones, which a CPU may execute."""
    start = count // 8
    yield from range(start, start + max(1, min(ROW // _PAGE, count // 8)))
    yield from sorted({count // 2, count * 3 // 4, count - 1})


def _read(memory: FileIO, size: int) -> Iterator[bytes]:
    while size:
        data = memory.read(min(_CHUNK, size))
        size -= len(data)
        yield data


def _digest(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
