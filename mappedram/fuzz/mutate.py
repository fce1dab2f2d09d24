"""Field-aware mutations: one field of a good file gets a value that a reader may not expect.

A mutation is a value: what stood where, and what stands there afterwards. Several of them on one
file are applied in order; leaving one out gives a file that is closer to the good one.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from mappedram.model import Element
from mappedram.snapshot import Snapshot

#: Path of the mutation that changes the length of the file: `offset` is the new length, and
#: `after` what stands between the old and the new end, zeros where that is empty.
LENGTH = "/length"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change to a file.

    Attributes:
        path: the field, such as `/ram/blocks[0]/mapped_ram/page_size`.
        offset: its first byte in the file; of `LENGTH`, the new length.
        before: the bytes that stood there.
        after: the bytes that stand there now, as many.
        what: how `after` was chosen, such as `a power of two`.
    """

    path: str
    offset: int
    before: bytes
    after: bytes
    what: str


@dataclass(frozen=True, slots=True)
class Field:
    """Bytes that can be changed: a field of a header, or a piece of a bitmap."""

    path: str
    offset: int
    value: bytes
    is_number: bool


class Places(NamedTuple):
    """What stands where in a good file.

    Attributes:
        everything: where something begins or ends, and lengths: what an offset may be taken for.
        starts: where structures begin that stand before the first page.
        lengths: of the blocks.
    """

    everything: Sequence[int]
    starts: Sequence[int]
    lengths: Sequence[int]


class Mutator:
    """Draws mutations of one good file.

    Fields of the stream up to the first device, of RAM and of the footers; bitmaps; the length.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._size = snapshot.stream.file_size
        self._fields = list(_fields(snapshot))
        self._groups = [group for group in map(self._group, _GROUPS) if group[0]]
        self._bitmaps = list(_bitmaps(snapshot))
        self._places = _places(snapshot)

    @property
    def fields(self) -> Sequence[Field]:
        """The fields that are changed, in the order of the file."""
        return tuple(self._fields)

    def draw(self, rng: Random, count: int = 1) -> tuple[Mutation, ...]:
        """That many mutations, of different fields."""
        drawn: dict[str, Mutation] = {}
        while len(drawn) < count:
            mutation = self._one(rng)
            if mutation.path not in drawn and mutation.after != mutation.before:
                drawn[mutation.path] = mutation
            elif mutation.path == LENGTH:
                drawn.setdefault(LENGTH, mutation)
        return tuple(drawn.values())

    def _one(self, rng: Random) -> Mutation:
        kind = rng.random()
        if kind < 0.08:
            return self._length(rng)
        if kind < 0.23 and self._bitmaps:
            return _of_bitmap(rng, rng.choice(self._bitmaps))
        members, weights = zip(*self._groups, strict=True)
        field = rng.choice(rng.choices(members, weights)[0])
        if not field.is_number:
            return _of_text(rng, field)
        return self._of_number(rng, field)

    def _group(self, group: tuple[str, int]) -> tuple[list[Field], int]:
        pattern, weight = group
        first = [pattern for pattern, _ in _GROUPS]
        return [
            field
            for field in self._fields
            if next(other for other in first if re.match(other, field.path)) == pattern
        ], weight

    def _of_number(self, rng: Random, field: Field) -> Mutation:
        size = len(field.value)
        value = int.from_bytes(field.value, "big")
        what, chosen = rng.choice(_CHOICES)
        special = _SPECIAL.get(field.path.rpartition("/")[2])
        if special and rng.random() < 1 / 3:
            what, chosen = special
        number = chosen(rng, value, 8 * size, self._places) % (1 << 8 * size)
        return Mutation(field.path, field.offset, field.value, number.to_bytes(size, "big"), what)

    def _length(self, rng: Random) -> Mutation:
        place = rng.choice((*self._places.everything, self._size, rng.randrange(self._size)))
        length = max(0, place + rng.choice((-1, 0, 0, 1, rng.randrange(64))))
        if length == self._size:
            length += 1
        more = rng.choice((b"", b"\x06\x00\x00\x00\x10{}", bytes([rng.randrange(256)]) * 64))
        what = f"cut at {length:#x}" if length < self._size else f"extended to {length:#x}"
        return Mutation(LENGTH, length, b"", more if length > self._size else b"", what)


def mutations(snapshot: Snapshot, rng: Random, count: int = 1) -> tuple[Mutation, ...]:
    """That many mutations of different fields. For many draws of one file, keep a `Mutator`."""
    return Mutator(snapshot).draw(rng, count)


def apply(fd: int, changes: Iterable[Mutation]) -> None:
    """Change a file, which is open for writing and which holds what `before` says."""
    for change in changes:
        if change.path == LENGTH:
            end = os.fstat(fd).st_size
            os.ftruncate(fd, change.offset)
            if change.offset > end:
                os.pwrite(fd, change.after[: change.offset - end], end)
        elif change.offset < os.fstat(fd).st_size:
            os.pwrite(fd, change.after[: os.fstat(fd).st_size - change.offset], change.offset)


# What can be changed.

#: Paths of fields, the first that fits, and how often one of them is chosen: most fields are in
#: footers, but most checks are about blocks.
_GROUPS = (
    (r"/header/", 3),
    (r"/configuration/", 10),
    (r"/ram/", 45),
    (r"/sections\[\d+\]/mem_size/", 7),
    (r"/sections\[\d+\]/eos/", 8),
    (r"/sections\[\d+\]/footer/", 8),
    (r"/", 19),
)

#: Structures whose fields are text or payload, and not looked at by themselves.
_TEXT = {"idstr", "name", "magic", "data"}


def _fields(snapshot: Snapshot) -> Iterator[Field]:
    for element in _elements(snapshot):
        data = snapshot.source.read(element.offset, element.length)
        for span in snapshot.fields(element):
            value = data[span.start : span.end]
            name = span.path.rpartition("/")[2]
            if value:
                path, offset = f"{element.path}/{span.path}", element.offset + span.start
                yield Field(path, offset, value, name not in _TEXT)


def _elements(snapshot: Snapshot) -> Iterator[Element]:
    """The structures up to the footer of the first device, and all footers and ends."""
    devices = 0
    for element in snapshot.stream.elements:
        if element.kind == "section_start" and element.values["idstr"] != "ram":
            devices += 1
        if devices <= 1 or element.kind in ("section_footer", "end_of_stream", "vmdescription"):
            yield element


def _bitmaps(snapshot: Snapshot) -> Iterator[Field]:
    for block in snapshot.blocks:
        if block.has_pages and block.model.bitmap_offset is not None:
            offset, data = block.model.bitmap_offset, bytes(block.bitmap.data)
            yield Field(f"{block.model.path}/bitmap", offset, data, is_number=False)


def _places(snapshot: Snapshot) -> Places:
    elements, blocks = snapshot.stream.elements, snapshot.stream.blocks
    everything = {0, snapshot.stream.file_size}
    for element in elements:
        everything |= {element.offset, element.end}
    for block in blocks:
        everything |= {block.used_length, block.next_offset, block.num_pages, block.bitmap_size}
        everything |= {block.bitmap_offset or 0, block.pages_offset or 0}
    first_page = min((block.pages_offset or 0 for block in blocks), default=0)
    return Places(
        sorted(everything),
        [element.offset for element in elements if element.offset <= first_page],
        sorted({block.used_length for block in blocks}) or [0],
    )


# What a number becomes. The result is cut to the width of the field.

Choice = Callable[[Random, int, int, Places], int]


def _neighbour(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return value + rng.choice((-1, 1))


def _shifted(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return value + rng.choice((-1, 1)) * (1 << rng.randrange(bits))


def _scaled(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    by = 1 << rng.randrange(1, 4)
    return rng.choice((value * by, value // by))


def _extreme(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return rng.choice((0, 1, (1 << bits) - 1, (1 << bits - 1) - 1, 1 << bits - 1))


def _power(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return (1 << rng.randrange(bits)) + rng.choice((-1, 0, 0, 0, 1))


def _place(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return rng.choice(places.everything) + rng.choice((-1, 0, 0, 0, 1))


def _difference(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    """What leads from one place to another, modulo the width."""
    return rng.choice(places.everything) - rng.choice(places.everything)


def _leads_back(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    """Where an area begins that ends where the stream has been before."""
    return rng.choice(places.starts) - rng.choice(places.lengths)


def _flipped(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return value ^ 1 << rng.randrange(bits)


def _random(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return rng.getrandbits(rng.randrange(1, bits + 1))


_CHOICES: tuple[tuple[str, Choice], ...] = (
    ("one more or less", _neighbour),
    ("a power of two more or less", _shifted),
    ("a multiple or a fraction", _scaled),
    ("an extreme", _extreme),
    ("a power of two", _power),
    ("another place of the file", _place),
    ("the way between two places", _difference),
    ("one bit flipped", _flipped),
    ("random", _random),
)

#: For fields of that name, one time in three.
_SPECIAL: Mapping[str, tuple[str, Choice]] = {
    "pages_offset": ("an area that leads back", _leads_back),
}


# What text and bitmaps become.


def _of_text(rng: Random, field: Field) -> Mutation:
    value = bytearray(field.value)
    index = rng.randrange(len(value))
    what, byte = rng.choice(
        (("a byte flipped", value[index] ^ 1 << rng.randrange(8)), ("a NUL", 0), ("a slash", 0x2F))
    )
    value[index] = byte
    return Mutation(field.path, field.offset, field.value, bytes(value), what)


def _of_bitmap(rng: Random, field: Field) -> Mutation:
    """Some bits of a bitmap, or all of them; those beyond the last page too."""
    size = len(field.value)
    what = rng.choice(("bits flipped", "bits set", "bits cleared", "all set", "all clear"))
    start, end = 0, size
    if not what.startswith("all"):
        start = rng.randrange(size)
        end = min(size, start + rng.choice((1, 1, 8, 64)))
    before = field.value[start:end]
    mask = rng.getrandbits(8 * len(before)).to_bytes(len(before), "big")
    after = bytes(
        {
            "bits flipped": old ^ bits,
            "bits set": old | bits,
            "bits cleared": old & ~bits & 0xFF,
            "all set": 0xFF,
            "all clear": 0,
        }[what]
        for old, bits in zip(before, mask, strict=True)
    )
    return Mutation(f"{field.path}[{start}]", field.offset + start, before, after, what)
