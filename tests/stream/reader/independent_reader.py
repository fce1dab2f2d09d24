"""A second reader of mapped-ram files, written from spec/format.md alone.

It shares no code with the package. It implements what the specification says a reader MUST refuse.
Of what a reader MUST report, it only says how far the file goes (`complete`, `bitmaps_final`). It
assumes little-endian bitmaps. The numbers in brackets are clauses of the specification.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NoReturn

EOF, START, PART, END, FULL, SUBSECTION, VMDESCRIPTION, CONFIGURATION, COMMAND = range(9)
FOOTER, PACKAGED, SWITCHOVER_START = 0x7E, 0x07, 0x0B
MEM_SIZE, EOS, CONTINUE = 0x04, 0x10, 0x20
CHUNK = 1 << 16


class EndOfFileError(ValueError):
    """The file ends within the stream."""


@dataclass(frozen=True)
class Section:
    """One START, PART, END or FULL section; `offset` is that of its type byte."""

    type: int
    section_id: int
    idstr: str
    instance_id: int
    version_id: int
    offset: int


@dataclass(frozen=True)
class Block:
    """One block of guest memory, with the numbers of its mapped-ram header."""

    idstr: str
    used_length: int
    page_size: int
    bitmap_offset: int
    pages_offset: int


@dataclass
class Snapshot:
    """Contents of a file."""

    file: BinaryIO
    size: int
    machine: str | None = None
    capabilities: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    bitmaps_final: bool = False
    complete: bool = False
    cut: str | None = None  # offset of the end of the file, if it is too early

    def at(self, offset: int, length: int) -> bytes:
        """Bytes at a file offset, fewer at the end of the file."""
        offset = min(offset, self.size)
        self.file.seek(offset)
        return self.file.read(min(length, self.size - offset))

    def memory(self, idstr: str, first: int, length: int) -> bytes:
        """`length` bytes of a block from its byte `first` on; unknown bytes are refused."""
        found = [block for block in self.blocks if block.idstr == idstr]
        if len(found) != 1:  # [5.3.9]
            raise ValueError(f"{len(found)} blocks have the name {idstr!r}")
        block, parts = found[0], []
        bitmap = self._bitmap(block)
        end = block.used_length // block.page_size * block.page_size  # [7.1.5]
        if not 0 <= first <= first + length <= end:
            raise ValueError(f"block {idstr!r} has no bytes {first} to {first + length}")
        while length:
            page, skip = divmod(first, block.page_size)
            part = min(block.page_size - skip, length)
            stored = bool(bitmap[page // 8] >> page % 8 & 1)  # [7.2.2], little-endian
            parts.append(self._page(block, page, stored)[skip : skip + part])
            first, length = first + part, length - part
        return b"".join(parts)

    def _bitmap(self, block: Block) -> bytes:
        """The bitmap of a block, refused if it is invalid."""
        if block.bitmap_offset == block.pages_offset == 0:  # [6.3.5]
            raise ValueError(f"the contents of block {block.idstr!r} are not in the file")
        if block.page_size < 256 or block.page_size & (block.page_size - 1):  # [6.1.5]
            _refuse(block.bitmap_offset, f"page_size of block {block.idstr!r}")
        size = -(-(block.used_length // block.page_size) // 64) * 8  # [7.1.1], W = 8
        if block.bitmap_offset + size > self.size:  # [7.1.6]
            _refuse(block.bitmap_offset, f"bitmap of block {block.idstr!r} is outside the file")
        return self.at(block.bitmap_offset, size)

    def _page(self, block: Block, page: int, stored: bool) -> bytes:
        """One page [7.4.5, 7.4.6]."""
        offset = block.pages_offset + page * block.page_size
        if stored and offset + block.page_size > self.size:  # [7.4.9]
            _refuse(offset, f"page {page} of block {block.idstr!r} is lost")
        if not stored and not self.bitmaps_final:  # [7.4.8]
            _refuse(offset, f"page {page} of block {block.idstr!r}: the bitmap is not final")
        return self.at(offset, block.page_size) if stored else bytes(block.page_size)


class RefusedError(ValueError):
    """The file is refused; `snapshot` has everything before the place that the text names."""

    def __init__(self, text: str, snapshot: Snapshot) -> None:
        super().__init__(text)
        self.snapshot = snapshot


def read(file: BinaryIO, offset: int = 0) -> Snapshot:
    """Read the stream that begins at `offset`; raise RefusedError if it cannot be followed.

    A file that ends early, but after its first block, is incomplete and not refused [9.1.3].
    """
    reader = _Reader(Snapshot(file, file.seek(0, 2)), offset)
    try:
        reader.stream()
    except ValueError as error:
        if not isinstance(error, EndOfFileError) or not reader.snapshot.blocks:
            raise RefusedError(str(error), reader.snapshot) from error
        reader.snapshot.cut = str(error)
    return reader.snapshot


class _Reader:
    """The stream position, and the facts from the stream so far."""

    def __init__(self, snapshot: Snapshot, base: int) -> None:
        self.snapshot, self.pos = snapshot, base
        self.started: dict[int, Section] = {}
        self.footers: bool | None = None
        self.mapped: bool | None = None
        self.addr = False
        self.lengths = _payload_lengths(_description(snapshot, base))

    def take(self, length: int) -> bytes:
        """The next bytes of the stream."""
        if length > self.snapshot.size - self.pos:
            raise EndOfFileError(f"offset {self.pos:#x}: the file ends before {length} more bytes")
        self.pos += length
        return self.snapshot.at(self.pos - length, length)

    def number(self, length: int) -> int:
        """The next integer of the stream."""
        return int.from_bytes(self.take(length), "big")

    def peek(self) -> int:
        """The byte at the stream position, without advancing."""
        byte = self.number(1)
        self.pos -= 1
        return byte

    def text(self, length: int) -> str:
        """The next name of the stream [1.2.5]."""
        return self.take(length).decode("latin-1")

    def limited(self, limit: int, what: str) -> int:
        """The next be32, refused above a limit."""
        if (value := self.number(4)) > limit:
            _refuse(self.pos - 4, f"{what} is {value}, above {limit}")
        return value

    def stream(self) -> None:
        """Follow the stream from the header to EOF."""
        base = self.pos
        if self.take(4) != b"QEVM" or self.number(4) != 3:
            _refuse(base, "no stream of version 3 begins here")  # [2.1.2]
        if self.peek() == CONFIGURATION:  # [3.1.5]
            self.configuration()
        while self.section():
            pass
        self.snapshot.complete = self.snapshot.bitmaps_final  # [9.1.1]

    def configuration(self) -> None:
        """The configuration section."""
        self.take(1)
        self.snapshot.machine = self.text(self.limited(4096, "len_name"))  # [3.1.6]
        while self.peek() == SUBSECTION:  # [3.2.3]
            self.subsection()
        self.addr = "x-ignore-shared" in self.snapshot.capabilities
        self.mapped = "mapped-ram" in self.snapshot.capabilities
        if not self.mapped:
            _refuse(self.pos, "the stream has no mapped-ram")  # [9.6.2]

    def subsection(self) -> None:
        """One subsection of the configuration; version 1 is assumed [3.2.6]."""
        self.take(1)
        offset = self.pos + 1  # [1.2.2]: of the name, not of its length
        idstr, _ = self.text(self.number(1)), self.take(4)
        if idstr == "configuration/capabilities":
            count = self.limited(256, "caps_count")  # [3.4.6]
            names = [self.text(self.number(1)) for _ in range(count)]
            self.snapshot.capabilities = names  # [3.2.5]
        elif idstr in ("configuration/target-page-bits", "configuration/uuid"):
            self.take(16 if idstr.endswith("uuid") else 4)
        else:
            _refuse(offset, f"subsection {idstr!r} is not known")  # [3.2.4]

    def section(self) -> bool:
        """One section or command; false at EOF."""
        offset, kind = self.pos, self.number(1)
        if kind == COMMAND:
            self.command()
        elif kind in (START, PART, END, FULL):
            self.payload(self.header(kind, offset))
        elif kind != EOF:
            _refuse(offset, f"no section begins with {kind:#04x}")  # [4.1.3]
        return kind != EOF

    def command(self) -> None:
        """Skip a command by its length [4.5.4], and a packaged stream [4.5.5, 4.5.6]."""
        command, data = self.number(2), self.take(self.number(2))
        if command == PACKAGED and len(data) == 4:
            self.take(int.from_bytes(data, "big"))

    def header(self, kind: int, offset: int) -> Section:
        """A section header; PART and END have the names of their START."""
        section_id = self.number(4)
        if kind in (START, FULL):
            idstr = self.text(self.number(1))
            section = Section(kind, section_id, idstr, self.number(4), self.number(4), offset)
            if kind == START:
                self.started[section_id] = section
            return section
        start = self.started.get(section_id, Section(kind, section_id, "", 0, 0, offset))
        if section_id not in self.started and not self.footers:
            _refuse(offset, f"no START has given section_id {section_id}")  # [4.3.3]
        names = start.idstr, start.instance_id, start.version_id
        return Section(kind, section_id, *names, offset)

    def payload(self, section: Section) -> None:
        """Payload and footer of a section; a wrong or missing footer is ignored [4.4.5]."""
        self.snapshot.sections.append(section)
        if section.idstr == "ram" and section.type != FULL:
            self.ram(section)
        else:
            self.pos = self.payload_end(section)
        if self.snapshot.at(self.pos, 1) == bytes([FOOTER]):
            self.take(1)
            self.take(4)

    def payload_end(self, section: Section) -> int:
        """End of an unknown payload: from the JSON text, or else from its footer [4.6]."""
        lengths = self.lengths.get((section.idstr, section.instance_id))
        if section.type == FULL and lengths:
            end, footer = self.pos + lengths.pop(0), _footer(section)
            if self.footers is False or self.snapshot.at(end, 5) == footer:
                return end
            if self.footers is None and self.header_can_follow(end):
                return end
        if self.footers is False:
            _refuse(self.pos, f"section {section.idstr!r}: its end is not known")  # [4.6.11]
        return self.find_footer(section)

    def find_footer(self, section: Section) -> int:
        """The first footer that a header can follow [4.6.9]."""
        pos, footer = self.pos, _footer(section)
        while len(chunk := self.snapshot.at(pos, CHUNK)) >= len(footer):
            found = chunk.find(footer)
            if found >= 0 and self.header_can_follow(pos + found + 5):
                return pos + found
            pos += found + 1 if found >= 0 else len(chunk) - 4
        raise ValueError(f"offset {self.pos:#x}: no footer of {section.idstr!r}")  # [4.6.11]

    def header_can_follow(self, pos: int) -> bool:
        """Whether a section, command or EOF can begin at `pos` [4.6.9]."""
        head = self.snapshot.at(pos, 6 + 255).ljust(6, b"\xff")
        kind, number, idstr = head[0], int.from_bytes(head[1:5], "big"), head[6 : 6 + head[5]]
        if kind == EOF:
            return pos + 1 == self.snapshot.size or head[1] == VMDESCRIPTION
        if kind in (START, FULL):
            return len(idstr) == head[5] > 0 and all(0x20 <= byte < 0x7F for byte in idstr)
        if kind == COMMAND:
            return number >> 16 <= SWITCHOVER_START
        return kind in (PART, END) and number in self.started

    def ram(self, section: Section) -> None:
        """Payload of RAM: records up to EOS."""
        if section.version_id != 4:
            _refuse(section.offset, f"RAM has version_id {section.version_id}")  # [5.1.4]
        while (word := self.number(8)) & 0x3FF & ~CONTINUE != EOS:  # [5.2.4], [5.5.3]
            if word & 0x3FF != MEM_SIZE:
                _refuse(self.pos - 8, f"record {word:#x} is not MEM_SIZE nor EOS")  # [5.2.5]
            while self.peek() != 0:  # [5.3.6]
                self.block()
        if self.footers is None:
            self.footers = self.snapshot.at(self.pos, 1) == bytes([FOOTER])  # [4.4.4]
        self.snapshot.bitmaps_final |= section.type == END

    def block(self) -> None:
        """One block; the stream continues after its page area [8.1.4]."""
        idstr, used_length = self.text(self.number(1)), self.number(8)
        if self.mapped is None:
            self.guess()
        self.take(8 if self.addr else 0)
        self.limited(1, "version of the mapped-ram header")  # [6.1.4]
        page_size, bitmap_offset, pages_offset = (self.number(8) for _ in range(3))
        if (bitmap_offset, pages_offset) != (0, 0):  # [6.3.4]
            next_pos = pages_offset + used_length
            if not self.pos <= pages_offset <= self.snapshot.size or next_pos >= 1 << 64:
                _refuse(self.pos - 8, f"pages_offset of block {idstr!r}")  # [6.2.11]
            self.pos = next_pos
        self.snapshot.blocks.append(
            Block(idstr, used_length, page_size, bitmap_offset, pages_offset)
        )

    def guess(self) -> None:
        """Without a configuration, detect mapped-ram and addr from the first block [9.4]."""
        for addr in (False, True):
            found = self.snapshot.at(self.pos + 8 * addr, 12).rjust(12, b"\xff")
            version, page_size = struct.unpack(">IQ", found)
            if version <= 1 and page_size >= 256 and page_size & (page_size - 1) == 0:
                self.mapped, self.addr = True, addr
                return
        _refuse(self.pos, "the stream has no mapped-ram")


def _refuse(offset: int, text: str) -> NoReturn:
    raise ValueError(f"offset {offset:#x}: {text}")


def _footer(section: Section) -> bytes:
    return struct.pack(">BI", FOOTER, section.section_id)


def _description(snapshot: Snapshot, base: int) -> bytes:
    """The JSON text, found from the end of the file [4.7.6]; empty if there is none."""
    last, pos = -1, snapshot.size
    while last < 0 and pos > base:
        pos = max(pos - CHUNK, base)
        last = snapshot.at(pos, CHUNK).rfind(0)
    for begin in range(max(pos + last - 4, base), pos + last + 2):
        head = snapshot.at(begin, 6)
        length = int.from_bytes(head[1:5], "big")
        if head[:1] + head[5:] == b"\x06{" and begin + 5 + length == snapshot.size:
            return snapshot.at(begin + 5, length)
    return b""


def _payload_lengths(text: bytes) -> dict[tuple[str, int], list[int]]:
    """Valid lengths of FULL payloads in order, by idstr and instance_id [4.6.4].

    Of repeated keys the first one counts [4.6.6]; `json` limits the depth [10.1.10].
    """
    lengths: dict[tuple[str, int], list[int]] = {}
    try:
        first = json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
        for device in first["devices"]:
            key = (device["name"], device["instance_id"])
            lengths.setdefault(key, []).append(_length(device))
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return lengths
    return lengths


def _length(entry: dict[str, Any]) -> int:
    total = sum(_count(f["size"]) * _count(f.get("array_len", 1)) for f in entry["fields"])
    for subsection in entry.get("subsections", []):
        total += 6 + len(subsection["vmsd_name"]) + _length(subsection)
    return total


def _count(number: object) -> int:
    if not isinstance(number, int) or number < 0:
        raise TypeError("a size in the JSON text is no whole number")
    return number
