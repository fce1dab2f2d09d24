"""Readers of exports that share no code with the package."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Memory:
    """Physical memory in a file: non-touching ranges of addresses with their bytes."""

    ranges: tuple[tuple[int, Bytes], ...]

    @classmethod
    def of(cls, parts: Iterator[tuple[int, Bytes]]) -> "Memory":
        joined: list[tuple[int, Bytes]] = []
        for gpa, data in parts:
            if joined and joined[-1][0] + len(joined[-1][1]) == gpa:
                first, before = joined.pop()
                joined.append((first, np.concatenate((before, data))))
            else:
                joined.append((gpa, data))
        return cls(tuple(joined))

    @property
    def places(self) -> list[tuple[int, int]]:
        """First address and size of each range."""
        return [(gpa, len(data)) for gpa, data in self.ranges]

    def at(self, gpa: int, size: int) -> Bytes:
        """Byte or bytes at an address."""
        first, data = next(part for part in self.ranges if part[0] <= gpa < part[0] + len(part[1]))
        found = data[gpa - first : gpa - first + size]
        assert len(found) == size
        return found

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Memory)
            and self.places == other.places
            and all(
                np.array_equal(ours, theirs)
                for (_, ours), (_, theirs) in zip(self.ranges, other.ranges, strict=True)
            )
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Note:
    """A note, with all its bytes."""

    name: str
    type: int
    desc: bytes
    whole: bytes


@dataclass(frozen=True)
class Core:
    """An ELF core, read with pyelftools; `encoding` is its bits and its byte order."""

    machine: str
    encoding: tuple[int, str]
    kinds: tuple[str, ...]
    offsets: tuple[int, ...]
    sizes: tuple[tuple[int, int, int, int], ...]
    memory: Memory
    notes: tuple[Note, ...]

    @property
    def note_bytes(self) -> bytes:
        """The notes as stored in the file."""
        return b"".join(note.whole for note in self.notes)


def core(path: Path) -> Core:
    """Read an ELF core."""
    data = np.memmap(path, np.uint8, "r")
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        assert elf["e_type"] == "ET_CORE"
        order = "<" if elf.little_endian else ">"
        segments = list(elf.iter_segments())
        loads = [segment for segment in segments if segment["p_type"] == "PT_LOAD"]
        noted = [segment for segment in segments if segment["p_type"] == "PT_NOTE"]
        return Core(
            elf["e_machine"],
            (elf.elfclass, order),
            tuple(segment["p_type"] for segment in segments),
            tuple(segment["p_offset"] for segment in segments),
            tuple(
                (load["p_paddr"], load["p_vaddr"], load["p_filesz"], load["p_memsz"])
                for load in loads
            ),
            Memory.of(
                (load["p_paddr"], data[load["p_offset"] : load["p_offset"] + load["p_filesz"]])
                for load in loads
            ),
            tuple(note for segment in noted for note in notes(segment.data(), order)),
        )


def notes(data: bytes, order: str = "<") -> Iterator[Note]:
    """The notes in a segment, with numbers in this byte order."""
    position = 0
    while position < len(data):
        namesz, descsz, kind = struct.unpack_from(f"{order}3I", data, position)
        name = position + 12
        desc = name + -(-namesz // 4) * 4
        end = desc + -(-descsz // 4) * 4
        text = data[name : name + namesz]
        assert text.endswith(b"\0") or not text
        yield Note(text[:-1].decode(), kind, data[desc : desc + descsz], data[position:end])
        position = end
    assert position == len(data)


def lime(path: Path) -> Memory:
    """Read a LiME file, by LiME's documentation."""
    data = np.memmap(path, np.uint8, "r")

    def ranges() -> Iterator[tuple[int, Bytes]]:
        position, before = 0, 0
        while position < len(data):
            magic, version, first, last, reserved = struct.unpack(
                "<IIQQQ", data[position : position + 32].tobytes()
            )
            assert (magic, version, reserved) == (0x4C694D45, 1, 0)
            assert before <= first < last
            position += 32
            yield first, data[position : position + last + 1 - first]
            position, before = position + last + 1 - first, last + 1
        assert position == len(data)

    return Memory.of(ranges())
