"""Decode a payload: a description gives the fields, and codecs decode their bytes.

The sizes in the JSON text give the place of the next field, even if one cannot be decoded.
"""

from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from construct import ConstructError

from mappedram.format.constants import SectionType
from mappedram.format.vmstate import SubsectionHeader, subsection_header_size
from mappedram.printable import plural
from mappedram.stream.vmstate.codecs import (
    GTREE,
    LISTS,
    POINTER_MARKER,
    SELF_DELIMITED,
    STRUCTS,
    WORDS,
    PointerMarker,
    UndecodableError,
    codec,
)
from mappedram.stream.vmstate.description import FieldDescription, Vmsd
from mappedram.stream.vmstate.tree import REST, Array, Leaf, Node, Struct
from mappedram.stream.vmstate.values import LeftOut, Scalar, Undecoded

#: The length of a name is one byte.
_HEADER_MAX = subsection_header_size("") + 0xFF
#: The number of elements of a tree, and the mark at its end.
_TREE_MIN = 5
#: Bytes of a pointer that is used as a key.
_POINTER = 8
#: Bytes of the number of elements of a tree.
_COUNT = 4


@dataclass(slots=True)
class DecodeBudget:
    """How much may still be decoded of a file, whatever its description claims."""

    values: int
    bytes: int


def decode_payload(
    data: bytes,
    offset: int,
    description: Vmsd,
    budget: DecodeBudget,
    left_out: Sequence[tuple[int, int]] = (),
) -> Struct:
    """Decode the state in `data`, at `offset` of the file. Raises nothing.

    `left_out` are ranges of the file, ascending, with unknown bytes.
    """
    payload = _Payload(data, offset, budget, left_out)
    return payload.struct("device", description, 0, len(data), whole=True)


def unread(offset: int, length: int) -> Struct:
    """The state of a device whose payload is too long to be read."""
    value = Undecoded(b"", f"{length} bytes are too many to be read")
    rest = Leaf("undecoded", offset, length, value)
    return Struct("device", offset, length, "", None, {REST: rest})


class _Names:
    """Unique names.

    QEMU numbers fields of the same name itself, except null pointers in an array of such a name.
    """

    def __init__(self, taken: Container[str]) -> None:
        self.taken = taken
        self.counts: dict[str, int] = {}

    def free(self, name: str) -> str:
        free = name
        while free in self.taken:
            self.counts[name] = self.counts.get(name, 1) + 1
            free = f"{name}#{self.counts[name]}"
        return free


class _Payload:
    """The payload of one device. Positions count from its beginning."""

    def __init__(
        self, data: bytes, offset: int, budget: DecodeBudget, left_out: Sequence[tuple[int, int]]
    ) -> None:
        self.data = data
        self.offset = offset
        self.budget = budget
        self.left_out: list[tuple[int, ...]] = [
            (start - offset, end - offset) for start, end in left_out
        ]

    def is_left_out(self, start: int, end: int) -> bool:
        """Whether any byte of [start, end) is unknown."""
        before = bisect_left(self.left_out, (end,)) - 1  # the last one that begins before the end
        return before >= 0 and max(start, self.left_out[before][0]) < min(
            end, self.left_out[before][1]
        )

    # Structs.

    def struct(
        self,
        kind: str,
        description: Vmsd,
        start: int,
        end: int,
        *,
        whole: bool,
        header: Leaf | None = None,
    ) -> Struct:
        """Decode the struct at `start`: all of [start, end) if `whole`, else only its fields."""
        self.budget.values -= 1
        fields: dict[str, Node] = {}
        names = _Names(fields)
        position = start
        # Elements of one array can have an entry each, with the same name. Which entries have an
        # `index` depends on the release of QEMU: spec/errata.md, E-014.
        for name, entries in groupby(description.fields, attrgetter("name")):
            fields[names.free(name)], position = self.entries(tuple(entries), position, end)
        subsections, position, missing = self.subsections(description, position, end)
        begin = header.offset if header else self.offset + start
        # After an incomplete description, all remaining bytes may belong to it.
        if position < end and (whole or description.problem):
            reason = description.problem or missing or "no field of the description covers this"
            fields[names.free(REST)] = self.undecoded(position, end, reason)
            position = end
        return Struct(
            kind,
            begin,
            self.offset + position - begin,
            description.name,
            description.version,
            fields,
            subsections,
            (header,) if header else (),
        )

    def entries(
        self, entries: tuple[FieldDescription, ...], position: int, end: int
    ) -> tuple[Node, int]:
        """Combine entries of one name into a node; return it and the position after them."""
        start = position
        items: list[Node] = []
        marks = []
        for entry in entries:
            if entry is not entries[-1] and self.is_pointer_mark(entry, position, end):
                marks.append(self.framing("pointer mark", position, 1, value=1))
                position += 1
                continue
            nodes, position = self.field(entry, position, end)
            items += nodes
        if len(items) == 1 and not marks and not any(entry.in_array for entry in entries):
            return items[0], position
        self.budget.values -= 1
        kinds = {item.type for item in items}
        kind = kinds.pop() if len(kinds) == 1 else "mixed"
        begin = self.offset + start
        return Array(kind, begin, position - start, tuple(items), tuple(marks)), position

    def is_pointer_mark(self, field: FieldDescription, position: int, end: int) -> bool:
        """Whether the field only marks the next one as present, not as a null pointer.

        Source: QEMU migration/vmstate.c, vmstate_save_vmsd_v() of 11.1: arrays of pointers that the
        loader allocates have such a mark before each element.
        """
        return (
            field.type == POINTER_MARKER
            and (field.size, field.count) == (1, 1)
            and position < end
            and self.data.startswith(PointerMarker.VALID, position)
        )

    def subsections(
        self, description: Vmsd, position: int, end: int
    ) -> tuple[dict[str, Struct], int, str | None]:
        """The subsections, the position after them, and why one of them was not found.

        Source: QEMU migration/vmstate.c, vmstate_subsection_save().
        """
        subsections: dict[str, Struct] = {}
        for subsection in description.subsections:
            header = self.subsection_header(subsection.name, position, end)
            if header is None or subsection.name in subsections:
                return subsections, position, f"expected the subsection {subsection.name[:64]!r}"
            position += header.length
            child = self.struct("subsection", subsection, position, end, whole=False, header=header)
            subsections[subsection.name] = child
            position = child.end - self.offset
        return subsections, position, None

    def subsection_header(self, name: str, position: int, end: int) -> Leaf | None:
        """Type byte, name and version before a subsection, if present."""
        try:
            found = SubsectionHeader.parse(self.data[position : min(end, position + _HEADER_MAX)])
        except ConstructError:
            return None
        if (found.section_type, found.idstr) != (SectionType.SUBSECTION, name):
            return None
        length = len(SubsectionHeader.build(found))
        return self.framing("subsection header", position, length, found.version_id)

    # Fields.

    def field(self, field: FieldDescription, position: int, end: int) -> tuple[list[Node], int]:
        """The nodes of a field, several for an array, and the position after it."""
        left = end - position
        if field.problem:
            return [self.undecoded(position, end, field.problem)], end
        if field.weight > self.budget.values:
            next_position = min(end, position + field.size * field.count)
            return [self.undecoded(position, next_position, "too many values")], next_position
        if field.in_array and field.type in SELF_DELIMITED:
            return self.self_delimited(field, position, end)
        length = field.size * field.count
        if length > left:
            reason = f"the description calls for {plural(length, 'byte')}, {left} left"
            return [self.undecoded(position, end, reason)], end
        nodes = [self.element(field, position + index * field.size) for index in range(field.count)]
        return nodes, position + length

    def self_delimited(
        self, field: FieldDescription, position: int, end: int
    ) -> tuple[list[Node], int]:
        """Elements that give their own length: the text has only that of the first one (E-012)."""
        nodes: list[Node] = []
        for _ in range(field.count):
            if self.is_left_out(position, min(position + 1, end)):  # so is where it ends
                nodes.append(self.unknown(position, end))
                return nodes, end
            length = SELF_DELIMITED[field.type].length(self.data[position : position + 1])
            if length > end - position:
                nodes.append(
                    self.undecoded(position, end, "an element ends after the end of the field")
                )
                return nodes, end
            nodes.append(self.leaf(field.type, position, length))
            position += length
        return nodes, position

    def element(self, field: FieldDescription, position: int) -> Node:
        """One element, with the size of the field."""
        end = position + field.size
        try:
            if field.type in STRUCTS:
                return self.inner_struct(field, position, end)
            if field.type in LISTS:
                return self.linked_list(field, position, end)
            if field.type == GTREE:
                return self.keyed_tree(field, position, end)
            if field.type in WORDS:
                return self.words(field, position, end)
        except UndecodableError as error:
            return self.undecoded(position, end, str(error))
        return self.leaf(field.type, position, field.size)

    def inner_struct(self, field: FieldDescription, position: int, end: int) -> Node:
        if not field.nested:
            raise UndecodableError("the struct has no description")
        inner = field.nested[0]
        # Up to 9.2, null pointers in an array of structs are described as an empty struct.
        if not (inner.name or inner.fields) and self.data[position:end] == PointerMarker.NULL:
            return self.leaf(POINTER_MARKER, position, 1)
        return self.struct(field.type, inner, position, end, whole=True)

    def words(self, field: FieldDescription, position: int, end: int) -> Array:
        word_type, size = WORDS[field.type]
        if field.size % size:
            raise UndecodableError(f"expected words of {size} bytes, got {field.size} bytes")
        items: list[Node] = [
            self.leaf(word_type, start, size) for start in range(position, end, size)
        ]
        self.budget.values -= 1
        return Array(field.type, self.offset + position, field.size, tuple(items))

    # Lists: a mark before each element, and another one at the end.

    def linked_list(self, field: FieldDescription, position: int, end: int) -> Array:
        """Elements between marks.

        Source: QEMU migration/vmstate-types.c, put_qtailq() and put_qlist(), since 11.1
        save_qtailq() and save_qlist().
        """
        start, framing, items = position, [], []
        for description in field.nested:
            framing.append(self.mark(position, end, more=True))
            item = self.struct("element", description, position + 1, end, whole=False)
            items.append(item)
            position = item.end - self.offset
        framing.append(self.mark(position, end, more=False))
        self.demand_end(position + 1, end)
        return self.array(field, start, items, framing)

    def keyed_tree(self, field: FieldDescription, position: int, end: int) -> Array:
        """Elements with `key` and `value`.

        Source: QEMU migration/vmstate-types.c, put_gtree(), save_gtree() since 11.1.
        """
        if field.size < _TREE_MIN:
            raise UndecodableError("too short for a tree")
        start = position
        count = self.count_of(field, position)
        framing = [self.framing("number of elements", position, _COUNT, count)]
        position += _COUNT
        # Keys that are not structs have no description: they are pointers.
        step = len(field.nested) // count if count else 1
        items = []
        for index in range(0, len(field.nested), step):
            framing.append(self.mark(position, end, more=True))
            position += 1
            begin = position
            key: Node
            if step > 1:
                key = self.struct("key", field.nested[index], position, end, whole=False)
            elif end - position >= _POINTER:
                key = self.leaf("uint64", position, _POINTER)
            else:
                raise UndecodableError("the key of an element is truncated")
            value = self.struct(
                "value",
                field.nested[index + step - 1],
                key.end - self.offset,
                end,
                whole=False,
            )
            position = value.end - self.offset
            place = self.offset + begin
            pair: dict[str, Node] = {"key": key, "value": value}
            items.append(Struct("element", place, value.end - place, "", None, pair))
        framing.append(self.mark(position, end, more=False))
        self.demand_end(position + 1, end)
        return self.array(field, start, items, framing)

    def count_of(self, field: FieldDescription, position: int) -> int:
        """The number with which a tree begins; the description has as many values."""
        if self.is_left_out(position, position + _COUNT):
            raise UndecodableError("the number of elements was left out")
        count = int.from_bytes(self.data[position : position + _COUNT], "big")
        if len(field.nested) not in (count, 2 * count):
            raise UndecodableError(
                f"{count} elements, but the description has {len(field.nested)} structs"
            )
        return count

    def mark(self, position: int, end: int, *, more: bool) -> Leaf:
        unknown = self.is_left_out(position, position + 1)
        if position >= end or unknown or self.data[position] != more:
            what = "another element" if more else "the end of the list"
            raise UndecodableError(f"expected {what} at {self.offset + position:#x}")
        return self.framing("element mark", position, 1, int(more))

    def demand_end(self, position: int, end: int) -> None:
        if position != end:
            raise UndecodableError(f"the list ends {plural(end - position, 'byte')} early")

    def array(
        self, field: FieldDescription, start: int, items: list[Struct], framing: list[Leaf]
    ) -> Array:
        return Array(field.type, self.offset + start, field.size, tuple(items), tuple(framing))

    # Leaves.

    def leaf(self, kind: str, position: int, length: int) -> Leaf:
        if self.is_left_out(position, position + length):
            return self.made(Leaf(kind, self.offset + position, length, LeftOut()))
        data = self.data[position : position + length]
        try:
            value = codec(kind).decode(data)
        except UndecodableError as error:
            value = Undecoded(data, f"{kind}: {error}")
        return self.made(Leaf(kind, self.offset + position, length, value))

    def framing(self, kind: str, position: int, length: int, value: int) -> Leaf:
        known: Scalar = LeftOut() if self.is_left_out(position, position + length) else value
        return self.made(Leaf(kind, self.offset + position, length, known, framing=True))

    def unknown(self, position: int, end: int) -> Leaf:
        return self.made(Leaf("undecoded", self.offset + position, end - position, LeftOut()))

    def undecoded(self, position: int, end: int, reason: str) -> Leaf:
        if self.is_left_out(position, end):
            return self.unknown(position, end)
        value = Undecoded(self.data[position:end], reason)
        return self.made(Leaf("undecoded", self.offset + position, end - position, value))

    def made(self, leaf: Leaf) -> Leaf:
        self.budget.values -= 1
        return leaf
