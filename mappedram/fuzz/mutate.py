"""Field-aware mutations: give one field of a good file a value that a reader may not expect.

A mutation is a value: an offset, and the bytes before and after. Several mutations of one file are
applied in order; leaving one out gives a file that is closer to the good one.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple

from mappedram.fuzz.mutable_fields import (
    GROUPS,
    KINDS,
    MutableField,
    bitmaps,
    description,
    fields,
    group_of,
    grouped,
    kind_of,
    places,
)
from mappedram.fuzz.numbers import NUMBER_CHANGES, SPECIAL_CHANGES
from mappedram.fuzz.records import (
    MutableRecord,
    choose,
    groups,
    other_address,
    other_flags,
    records,
)
from mappedram.io import system
from mappedram.stream.snapshot import OpenSnapshot

#: Path of the mutation that changes the length of the file: `offset` is the new length, and `after`
#: the bytes between the old and the new end, empty for zeros.
LENGTH = "/length"

#: A file grows to this length at most, or to twice its size: file systems with blocks of 4 KiB hold
#: 16 TiB, and offsets are signed 64-bit numbers.
_LENGTH_MAX, _OFFSET_MAX = 1 << 40, (1 << 63) - 1
#: How often to draw again if a mutation changes nothing, or a field that was already changed.
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change to a file.

    Attributes:
        path: the field, such as `/ram/blocks[0]/mapped_ram/page_size`.
        offset: its first byte in the file; of `LENGTH`, the new length.
        before: the original bytes.
        after: the new bytes, as many.
        what: how `after` was chosen, such as `a power of two`.
    """

    path: str
    offset: int
    before: bytes
    after: bytes
    what: str

    @property
    def changes(self) -> bool:
        """Whether it changes the file."""
        return self.path == LENGTH or self.after != self.before

    @property
    def kind(self) -> str:
        """Kind of the changed part, one of `KINDS`."""
        return kind_of(self.path)


class Mutator:
    """Draws mutations of one file.

    It changes fields of the stream, of RAM and of the sections, but not inside devices; bitmaps;
    page records; the JSON text; the length. Operations that cannot apply to this file are left out,
    so drawing never fails.

    Args:
        snapshot: the file; one without mapped-ram stays open as long as the mutator is used.
        kinds: the parts to change, of `KINDS`.
    """

    def __init__(self, snapshot: OpenSnapshot, kinds: Collection[str] = KINDS) -> None:
        self._snapshot = snapshot
        self._kinds = frozenset(kinds)
        self._size = snapshot.stream.file_size
        self._longest = min(max(2 * self._size, _LENGTH_MAX), _OFFSET_MAX)
        found = [(f, group_of(f.path)) for f in fields(snapshot)]
        wanted = [(f, group) for f, group in found if GROUPS[group].kind in self._kinds]
        self._fields = tuple(f for f, _ in wanted)
        self._groups = grouped(wanted)
        self._bitmaps = tuple(bitmaps(snapshot))
        self._places = places(snapshot)
        self._numbers = [way for way in NUMBER_CHANGES if way.applies(self._places)]
        self._special = {
            name: way for name, way in SPECIAL_CHANGES.items() if way.applies(self._places)
        }
        self._operations = [entry for entry in _OPERATIONS if entry.applies(self)]

    @property
    def fields(self) -> Sequence[MutableField]:
        """The fields to change, in file order."""
        return self._fields

    def draw(self, rng: Random, count: int = 1) -> tuple[Mutation, ...]:
        """Draw mutations of different fields; fewer than `count` if the file has fewer."""
        drawn: dict[str, Mutation] = {}
        for _ in range(_TRIES * count if self._operations else 0):
            if len(drawn) == count:
                break
            mutation = self._one(rng)
            if mutation.changes:
                drawn.setdefault(mutation.path, mutation)
        else:
            self._fill_up(drawn, count)
        return tuple(drawn.values())

    def _fill_up(self, drawn: dict[str, Mutation], count: int) -> None:
        """Change further fields in order, if repeated draws change nothing."""
        for field in self._fields:
            if len(drawn) >= count:
                return
            after = field.value[:-1] + bytes([field.value[-1] ^ 1])
            plain = Mutation(field.path, field.offset, field.value, after, "the last bit flipped")
            drawn.setdefault(field.path, plain)

    def _one(self, rng: Random) -> Mutation:
        at = rng.random() * sum(entry.share for entry in self._operations)
        *first, last = self._operations
        for entry in first:
            if at < entry.share:
                return entry.draw(self, rng)
            at -= entry.share
        return last.draw(self, rng)

    def field(self, rng: Random) -> Mutation:
        """Draw another value for a field."""
        members, weights = zip(*self._groups, strict=True)
        field = rng.choice(rng.choices(members, weights)[0])
        if not field.is_number:
            return _of_text(rng, field)
        return self._of_number(rng, field)

    def _of_number(self, rng: Random, field: MutableField) -> Mutation:
        size = len(field.value)
        value = int.from_bytes(field.value, "big")
        way = rng.choice(self._numbers)
        special = self._special.get(field.path.rpartition("/")[2])
        if special and rng.random() < 1 / 3:
            way = special
        number = way.become(rng, value, 8 * size, self._places) % (1 << 8 * size)
        after = number.to_bytes(size, "big")
        return Mutation(field.path, field.offset, field.value, after, way.what)

    def bitmap(self, rng: Random) -> Mutation:
        """Draw other bits in a bitmap."""
        return _of_bitmap(rng, rng.choice(self._bitmaps))

    def length(self, rng: Random) -> Mutation:
        """Draw another length of the file."""
        place = rng.choice((*self._places.everything, self._size, rng.randrange(self._size)))
        length = max(0, place + rng.choice((-1, 0, 0, 1, rng.randrange(64))))
        length = min(length, self._longest)
        if length == self._size:
            length += 1 if length < self._longest else -1
        more = rng.choice((b"", b"\x06\x00\x00\x00\x10{}", bytes([rng.randrange(256)]) * 64))
        what = f"cut at {length:#x}" if length < self._size else f"extended to {length:#x}"
        return Mutation(LENGTH, length, b"", more if length > self._size else b"", what)

    def description(self, rng: Random) -> Mutation:
        """Draw another byte in the JSON text."""
        text = self._description
        assert text is not None
        place = rng.randrange(len(text.value))
        offset, before = text.offset + place, text.value[place : place + 1]
        after = rng.choice((bytes([before[0] ^ 1 << rng.randrange(8)]), b"\0", b'"', b"{"))
        return Mutation(f"{text.path}[{place}]", offset, before, after, "a byte")

    def record(self, rng: Random) -> Mutation:
        """Draw another value in a page record."""
        piece = choose(rng, self._records)
        value = self._snapshot.source.read_exactly(piece.offset, piece.size, piece.path)
        if piece.name == "addr_and_flags":
            return self._of_word(rng, MutableField(piece.path, piece.offset, value, is_number=True))
        if piece.name == "idstr":
            return _of_text(rng, MutableField(piece.path, piece.offset, value, is_number=False))
        return self._of_number(rng, MutableField(piece.path, piece.offset, value, is_number=True))

    def _of_word(self, rng: Random, field: MutableField) -> Mutation:
        word, page_size = int.from_bytes(field.value, "big"), self._snapshot.stream.page_size
        assert page_size is not None
        way = rng.randrange(3)
        if way == 0:
            return self._of_number(rng, field)
        lengths = self._places.lengths or (page_size,)
        other = other_flags(rng, word) if way == 1 else other_address(rng, word, page_size, lengths)
        what = "other flags" if way == 1 else "another page"
        after = (other % (1 << 64)).to_bytes(len(field.value), "big")
        return Mutation(field.path, field.offset, field.value, after, what)

    @cached_property
    def _records(self) -> Sequence[Sequence[MutableRecord]]:
        return groups(records(self._snapshot))

    @cached_property
    def _description(self) -> MutableField | None:
        return description(self._snapshot)

    # Conditions in the table of operations.

    @property
    def has_length(self) -> bool:
        """Whether the length of the file may and can be changed."""
        return "length" in self._kinds and self.has_bytes

    @property
    def has_description(self) -> bool:
        """Whether there is a JSON text to change."""
        return "description" in self._kinds and self._description is not None

    @property
    def has_records(self) -> bool:
        """Whether there are page records to change."""
        return "records" in self._kinds and bool(self._records)

    @property
    def has_bytes(self) -> bool:
        """Whether the file is not empty."""
        return self._size > 0

    @property
    def has_bitmaps(self) -> bool:
        """Whether there is a bitmap to change."""
        return "bitmaps" in self._kinds and bool(self._bitmaps)

    @property
    def has_fields(self) -> bool:
        """Whether there is a field to change."""
        return bool(self._groups)


class _Operation(NamedTuple):
    """One kind of mutation.

    Attributes:
        share: relative frequency among the operations that apply.
        applies: whether the file has the part that it changes.
        draw: draws one.
    """

    share: int
    applies: Callable[[Mutator], bool]
    draw: Callable[[Mutator, Random], Mutation]


_OPERATIONS = (
    _Operation(8, lambda file: file.has_length, Mutator.length),
    _Operation(3, lambda file: file.has_description, Mutator.description),
    _Operation(15, lambda file: file.has_bitmaps, Mutator.bitmap),
    _Operation(74, lambda file: file.has_records, Mutator.record),
    _Operation(74, lambda file: file.has_fields, Mutator.field),
)


def mutations(snapshot: OpenSnapshot, rng: Random, count: int = 1) -> tuple[Mutation, ...]:
    """Draw mutations of different fields. For many draws of one file, keep a `Mutator`."""
    return Mutator(snapshot).draw(rng, count)


def apply(fd: int, changes: Iterable[Mutation]) -> None:
    """Apply a mutation to a file that is open for writing and holds `before`."""
    for change in changes:
        if change.path == LENGTH:
            end = system.size_of(fd)
            system.end_at(fd, change.offset)
            if change.offset > end:
                system.write(fd, change.after[: change.offset - end], end)
        elif change.offset < system.size_of(fd):
            system.write(fd, change.after[: system.size_of(fd) - change.offset], change.offset)


# New values of texts and bitmaps.


def _of_text(rng: Random, field: MutableField) -> Mutation:
    value = bytearray(field.value)
    index = rng.randrange(len(value))
    what, byte = rng.choice(
        (("a byte flipped", value[index] ^ 1 << rng.randrange(8)), ("a NUL", 0), ("a slash", 0x2F))
    )
    value[index] = byte
    return Mutation(field.path, field.offset, field.value, bytes(value), what)


def _of_bitmap(rng: Random, field: MutableField) -> Mutation:
    """Change some or all bits of a bitmap, also those beyond the last page."""
    size = len(field.value)
    what = rng.choice(("bits flipped", "bits set", "bits cleared", "all set", "all clear"))
    start, end = 0, size
    if not what.startswith("all"):
        start = rng.randrange(size)
        end = min(size, start + rng.choice((1, 1, 8, 64)))
    before = field.value[start:end]
    ones = (1 << 8 * len(before)) - 1
    old, bits = int.from_bytes(before, "big"), rng.getrandbits(8 * len(before))
    value = {
        "bits flipped": old ^ bits,
        "bits set": old | bits,
        "bits cleared": old & ~bits,
        "all set": ones,
        "all clear": 0,
    }[what]
    after = value.to_bytes(len(before), "big")
    return Mutation(f"{field.path}[{start}]", field.offset + start, before, after, what)
