"""The page records of a sound stream without mapped-ram: their places, and new values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from mappedram.format.constants import (
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SAVE_FLAG_MULTIFD_FLUSH,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_XBZRLE,
    RAM_SAVE_FLAG_ZERO,
    SectionType,
)
from mappedram.io.source import Source
from mappedram.stream.snapshot import OpenSnapshot

#: Bytes of `addr_and_flags`, and of the length of a name.
_WORD, _LEN_NAME = 8, 1
#: Most records noted in one section: those of 1 GiB.
_RECORDS_MAX = 1 << 18
#: Flags of present and past QEMU releases. Source: QEMU migration/ram.c; 0x80 is that of RDMA.
_FLAGS = (
    1,
    RAM_SAVE_FLAG_ZERO,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_XBZRLE,
    0x80,
    0x100,
    RAM_SAVE_FLAG_MULTIFD_FLUSH,
    0x400,
)


@dataclass(frozen=True, slots=True)
class MutableRecord:
    """One record.

    Attributes:
        path: such as `/sections[1]/records[12]`.
        offset: where its word begins.
        len_name: bytes of the name of its block, without the length byte; None with CONTINUE.
        body: bytes behind word and name: those of a page, or its fill byte.
    """

    path: str
    offset: int
    len_name: int | None
    body: int

    @property
    def body_offset(self) -> int:
        """Offset of the bytes of the page."""
        name = 0 if self.len_name is None else _LEN_NAME + self.len_name
        return self.offset + _WORD + name


@dataclass(frozen=True, slots=True)
class RecordPart:
    """Bytes of a record that are changed together; `name` is that of the field."""

    path: str
    offset: int
    size: int
    name: str


def records(snapshot: OpenSnapshot) -> Iterator[MutableRecord]:
    """The page records by section; a record of another kind ends those of its section."""
    stream = snapshot.stream
    if stream.mapped_ram or not stream.page_size:
        return
    ram = {s.section_id for s in stream.sections if s.idstr == "ram"}
    for section in stream.sections:
        if section.type in (SectionType.PART, SectionType.END) and section.section_id in ram:
            start = section.offset + section.header_length
            yield from _of_section(snapshot.source, section.path, start, stream.page_size)


def _of_section(source: Source, path: str, offset: int, page_size: int) -> Iterator[MutableRecord]:
    bodies = {RAM_SAVE_FLAG_PAGE: page_size, RAM_SAVE_FLAG_ZERO: 1}
    for number in range(_RECORDS_MAX):
        head = source.peek(offset, _WORD + _LEN_NAME)
        flags = int.from_bytes(head[:_WORD], "big") & (page_size - 1)
        body = bodies.get(flags & ~RAM_SAVE_FLAG_CONTINUE)
        if body is None or len(head) < _WORD + _LEN_NAME:
            return
        named = not flags & RAM_SAVE_FLAG_CONTINUE
        record = MutableRecord(
            f"{path}/records[{number}]", offset, head[_WORD] if named else None, body
        )
        yield record
        offset = record.body_offset + body


def groups(found: Iterable[MutableRecord]) -> tuple[Sequence[MutableRecord], ...]:
    """Records with a name, records with a page, and all: few are named, most are zero pages."""
    every = tuple(found)
    named = tuple(record for record in every if record.len_name is not None)
    stored = tuple(record for record in every if record.body > 1)
    return tuple(filter(None, (named, stored, every)))


def choose(rng: Random, found: Sequence[Sequence[MutableRecord]]) -> RecordPart:
    """Choose bytes of a record of one of the groups: mostly its word."""
    record = rng.choice(rng.choice(found))
    place = record.offset
    ways = [("addr_and_flags", place, _WORD)] * 3
    if record.len_name is not None:
        ways.append(("len_idstr", place + _WORD, _LEN_NAME))
        if record.len_name:
            ways.append(("idstr", place + _WORD + _LEN_NAME, record.len_name))
    if record.body == 1:
        ways.append(("fill", record.body_offset, 1))
    else:
        ways.append(("page", record.body_offset + rng.randrange(record.body), 1))
    name, offset, size = rng.choice(ways)
    return RecordPart(f"{record.path}/{name}", offset, size, name)


def other_flags(rng: Random, word: int) -> int:
    """A word with one or two flags added or removed."""
    for _ in range(rng.choice((1, 1, 2))):
        word ^= rng.choice(_FLAGS)
    return word


def other_address(rng: Random, word: int, page_size: int, lengths: Sequence[int]) -> int:
    """A word with another address: in the block, at its end, or beyond."""
    flags = word & (page_size - 1)
    length = rng.choice(lengths)
    pages = max(1, length // page_size)
    page = rng.choice((rng.randrange(pages), pages - 1, pages, pages + rng.randrange(pages)))
    return page * page_size | flags
