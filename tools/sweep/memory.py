"""The RAM blocks of a running QEMU, by `idstr`, as they stand in its process."""

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

#: Blocks that reach beyond what QEMU set aside for them, into memory of its own (errata E-061).
BEYOND = frozenset(("sram-as-io",))
_PAGE = 4096
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Ram:
    """One block: where it stands in the process, and how long it is, in bytes."""

    idstr: str
    address: int
    used_length: int


def blocks(machine: Machine) -> list[Ram]:
    """All RAM blocks, as the monitor lists them."""
    found = re.findall(
        r"^\s*(\S+)\s+\d+ \wiB\s+0x\w+\s+(0x\w+)\s+0x\w+\s+(0x\w+)",
        machine.hmp("info ramblock"),
        re.MULTILINE,
    )
    return [Ram(idstr, int(address, 16), int(used, 16)) for idstr, used, address in found]


def fill(machine: Machine, names: tuple[str, ...]) -> None:
    """Write a pattern into some blocks: a row, and pages in the middle and at the end."""
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
    """Which pages of a block get a pattern; not the first ones, which a CPU may run."""
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
