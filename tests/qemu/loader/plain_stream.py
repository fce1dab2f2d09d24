"""A stream without mapped-ram, parsed into sections and records that tests can rearrange.

It shares no code with the package, and only parses what QEMU writes.
"""

from dataclasses import dataclass, field
from random import Random

PAGE = 4096
ZERO_FLAG, MEM_SIZE, PAGE_FLAG, EOS, CONTINUE, XBZRLE = 2, 4, 8, 0x10, 0x20, 0x40
START, PART, END, FULL, FOOTER, COMMAND = 1, 2, 3, 4, 0x7E, 8


def be(value: int, size: int) -> bytes:
    """A number in the byte order of the stream."""
    return (value % (1 << 8 * size)).to_bytes(size, "big")


@dataclass
class Record:
    """One record of a page, or EOS."""

    word: int
    name: bytes = b""
    body: bytes = b""

    @property
    def flags(self) -> int:
        return self.word % PAGE

    def __bytes__(self) -> bytes:
        return be(self.word, 8) + self.name + self.body


@dataclass
class Entry:
    """One entry of the list of blocks."""

    name: bytes
    length: int
    rest: bytes = b""

    def __bytes__(self) -> bytes:
        return be(len(self.name), 1) + self.name + be(self.length, 8) + self.rest


@dataclass
class RamSection:
    """One section of RAM."""

    head: bytes
    total: int | None = None
    entries: list[Entry] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    footer: bytes = b""

    def __bytes__(self) -> bytes:
        size = b"" if self.total is None else be(self.total | MEM_SIZE, 8)
        entries, records = (b"".join(map(bytes, part)) for part in (self.entries, self.records))
        return self.head + size + entries + records + self.footer


@dataclass
class PlainStream:
    """A whole stream: the bytes before RAM, sections and the bytes between them, and the rest.

    `pieces` are the sections of RAM, and the bytes of all others.
    """

    pieces: list[bytes | RamSection]

    @classmethod
    def of(
        cls, machine: bytes, blocks: dict[bytes, int], runs: dict[bytes, list[range]]
    ) -> "PlainStream":
        """A stream as QEMU writes it for a machine without devices.

        Args:
            machine: its type.
            blocks: the length of each block.
            runs: runs of non-zero pages of each block.
        """
        entries = [Entry(*block) for block in blocks.items()]
        records = [
            _page(name, number, any(number in run for run in runs.get(name, ())))
            for name, length in blocks.items()
            for number in range(length // PAGE)
        ]
        eos, footer = Record(EOS), bytes([FOOTER]) + be(1, 4)
        head = bytes([START]) + be(1, 4) + b"\3ram" + be(0, 4) + be(4, 4)
        return cls(
            [
                b"QEVM" + be(3, 4) + b"\7" + be(len(machine), 4) + machine,
                RamSection(head, sum(blocks.values()), entries, [eos], footer),
                RamSection(bytes([PART]) + be(1, 4), records=[*records, eos], footer=footer),
                bytes([COMMAND]) + be(11, 2) + be(0, 2),
                RamSection(bytes([END]) + be(1, 4), records=[eos], footer=footer),
                b"\0",
            ]
        )

    @classmethod
    def parse(cls, data: bytes) -> "PlainStream":
        """Parse a stream whose only live device is RAM."""
        begin = data.index(b"\3ram" + bytes(4) + be(4, 4)) - 5
        pieces: list[bytes | RamSection] = [data[:begin]]
        at = begin
        while (kind := data[at]) in (START, PART, END, COMMAND):
            if kind == COMMAND:
                end = at + 5 + int.from_bytes(data[at + 3 : at + 5], "big")
                pieces.append(data[at:end])
            else:
                section, end = _section(data, at)
                pieces.append(section)
            at = end
        return cls([*pieces, data[at:]])

    def __bytes__(self) -> bytes:
        return b"".join(map(bytes, self.pieces))

    @property
    def ram(self) -> list[RamSection]:
        """The sections of RAM: START, PARTs, END."""
        return [piece for piece in self.pieces if isinstance(piece, RamSection)]

    @property
    def start(self) -> RamSection:
        return self.ram[0]

    @property
    def part(self) -> RamSection:
        """The first section with pages."""
        return next(section for section in self.ram if len(section.records) > 1)

    def offset_of(self, record: Record) -> int:
        """Offset of a record."""
        at = 0
        for piece in self.pieces:
            if isinstance(piece, RamSection) and any(record is one for one in piece.records):
                index = next(i for i, one in enumerate(piece.records) if one is record)
                return at + len(
                    bytes(RamSection(piece.head, piece.total, piece.entries, piece.records[:index]))
                )
            at += len(bytes(piece))
        raise ValueError("no such record")


def _page(name: bytes, number: int, stored: bool) -> Record:
    """A record as QEMU writes it; the first page of a block names the block."""
    flags = PAGE_FLAG if stored else ZERO_FLAG
    again = bool(number) * CONTINUE
    body = Random(number).randbytes(PAGE) if stored else b"\0"
    return Record(number * PAGE | flags | again, b"" if number else be(len(name), 1) + name, body)


def _section(data: bytes, at: int) -> tuple[RamSection, int]:
    start = at
    at += 17 if data[at] == START else 5
    section = RamSection(data[start:at])
    word = int.from_bytes(data[at : at + 8], "big")
    if word % PAGE == MEM_SIZE:
        at += 8
        section.total = left = word - MEM_SIZE
        while left:
            name = data[at + 1 : at + 1 + data[at]]
            at += 1 + len(name)
            section.entries.append(Entry(name, int.from_bytes(data[at : at + 8], "big")))
            left -= section.entries[-1].length
            at += 8
    while True:
        record, at = _record(data, at)
        section.records.append(record)
        if record.flags == EOS:
            section.footer = data[at : at + 5]
            return section, at + 5


def _record(data: bytes, at: int) -> tuple[Record, int]:
    record = Record(int.from_bytes(data[at : at + 8], "big"))
    at += 8
    if record.flags == EOS:
        return record, at
    if not record.flags & CONTINUE:
        record.name = data[at : at + 1 + data[at]]
        at += len(record.name)
    sizes = {ZERO_FLAG: 1, PAGE_FLAG: PAGE}
    size = sizes[record.flags & ~CONTINUE]
    record.body = data[at : at + size]
    return record, at + size
