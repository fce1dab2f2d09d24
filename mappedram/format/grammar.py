"""Building blocks of a file's declaration: structures at the position, extents, lists.

A declaration is parsed from a `Walk`, which reads structures, records extents and areas, and keeps
the facts that later bytes depend on. Paths are those of a file, such as `/sections[2]/header`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from construct import Construct, Subconstruct

from mappedram.errors import FormatError
from mappedram.format.nesting import FieldMember, NestedContext
from mappedram.format.typed import Fields, Kind, Params, T, Value

NOTHING: Params = {}
#: A function of everything parsed so far.
Of = Callable[[Any], Any]


@dataclass(slots=True)
class Said:
    """Facts from the stream so far that later bytes depend on.

    Attributes:
        has_configuration: whether there is a configuration section.
        target_page_bits: of a target with variable page size; None if the stream does not say.
        capabilities: capabilities that the configuration section announces.
        mapped_ram: whether blocks have a mapped-ram header.
        mapped_ram_guessed: whether `mapped_ram` was detected from the first block.
        postcopy_advised: whether the command POSTCOPY_ADVISE came with an argument.
        footers: whether sections have footers; None before the first section.
        started: `idstr` and `instance_id` of the live devices, by `section_id`.
        counts: number of items of each list of the file so far.
        records_left: number of live-device records that are still parsed one by one.
        rest: whether the rest of the file is one payload of unknown length.
    """

    has_configuration: bool = False
    target_page_bits: int | None = None
    capabilities: tuple[str, ...] = ()
    mapped_ram: bool = False
    mapped_ram_guessed: bool = False
    postcopy_advised: bool = False
    footers: bool | None = None
    started: dict[int, tuple[str, int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    records_left: int = 1 << 16
    rest: bool = False


class Payload(NamedTuple):
    """Device of a payload; None for a `section_id` that no START announced."""

    section_type: int
    section_id: int
    idstr: str | None
    instance_id: int | None


class Position(Protocol):
    """Interface of a file to a declaration, for both parsing and building."""

    said: Said
    word_size: int

    def tell(self) -> int:
        """The position in the file, counted from its beginning."""

    def area(self, path: str, start: int, length: int) -> None:
        """Record an area that stands outside the sequence of the stream."""


class Walk(Position, Protocol):
    """A file being parsed. `keeps` says whether the caller wants the items of its lists."""

    keeps: bool

    def peek(self, length: int) -> bytes:
        """Up to `length` bytes at the position; fewer only at the end of the file."""

    def structure(self, kind: Kind[T], path: str, params: Params) -> T:
        """Read the structure `kind`, advance past it, and return its values by field name."""

    def place(self, told_by: str) -> int:
        """Offset of the field `told_by` of the last structure."""

    def skip(self, length: int, told_by: str, what: Callable[[], str]) -> None:
        """Skip `length` bytes, a number from the field `told_by` of the last structure."""

    def copies(self, start: int, path: str, number: int, alike: tuple[str, ...]) -> int:
        """Skip copies of the item `path[number]`, which begins at `start` and ends here.

        Returns:
            The number of copies; 0 if the item has structures other than `alike`, or other bytes.
        """

    def attempt(self, parse: Callable[[], bool]) -> bool:
        """Run `parse`; if it fails, go back to the position before it and return False."""

    @property
    def flags_mask(self) -> int:
        """Mask of the flag bits of a RAM record; a small page leaves fewer of them."""

    def page_records(self, path: str) -> None:
        """Skip all page records of a stream without mapped-ram."""

    def opaque(self, payload: Payload, path: str) -> None:
        """Skip a payload that only its device understands."""

    def text(self, length: int) -> None:
        """Skip the JSON text, or the part of it that the file has."""


class Builder(Position, Protocol):
    """A file being built."""

    align: int

    def build(self, structure: "Structure", path: str, values: Fields, context: Any) -> Fields:
        """Put the structure at the position; return its final values."""

    def put(self, data: bytes) -> None:
        """Put bytes at the position."""

    def leave(self, length: int) -> None:
        """Leave room for `length` bytes."""


def step(name: str, subcon: Construct) -> Construct:
    """Member that adds its name to the path."""
    return FieldMember(subcon, name, f"/{name}")


def here(name: str, subcon: Construct) -> Construct:
    """Member at the path of its owner."""
    return FieldMember(subcon, name, "")


class At(Subconstruct):
    """Member with a fixed path of its own."""

    def __init__(self, path: str, subcon: Construct) -> None:
        super().__init__(subcon)
        self.path = path

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:  # noqa: ARG002
        return self.subcon._parsereport(stream, context, self.path)

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> Any:  # noqa: ARG002
        return self.subcon._build(obj, stream, context, self.path)


class Structure(Construct):
    """A structure of the spec.

    Args:
        declaration: the structure.
        around: its parameters, from the stream around it.
        values: default values when it is built; members likewise.
        derived: values that follow from the context, its other values, and its end offset.
    """

    def __init__(
        self,
        declaration: Construct,
        around: Callable[[Any], Params] = lambda _: NOTHING,
        *,
        values: Callable[[Any], Fields] = lambda _: {},
        derived: Callable[[Any, Fields, int], Fields] | None = None,
    ) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.declaration = declaration
        self.kind: Kind[Fields] = Kind(declaration.name)
        self.around = around
        self.values = values
        self.derived = derived

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        return stream.structure(self.kind, path, self.around(context))

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> Any:
        return stream.build(self, path, obj or {}, context)


class Record(Structure):
    """Record of a live device, up to a maximum number in one file.

    Without the maximum, a payload that is not made of such records would be parsed in each of
    thousands of sections, and a mebibyte could be a million records.
    """

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        stream.said.records_left -= 1
        if stream.said.records_left < 0:
            raise FormatError("too many records of live devices", path=path)
        return super()._parse(stream, context, path)


def _put(stream: Builder, what: bytes | range) -> None:
    """Put bytes, or leave room if the bytes are given as a range."""
    if isinstance(what, bytes):
        stream.put(what)
    else:
        stream.leave(what.stop - what.start)


class Extent(Construct):
    """Skipped bytes: `length` gives their number, which stands in the field `told_by`.

    `what` begins the message if the file ends before them, such as "the packaged stream ends".
    """

    def __init__(
        self, length: Of, *, told_by: str, what: Of = lambda _: "what follows ends"
    ) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.length = length
        self.told_by = told_by
        self.what = what

    def _parse(self, stream: Walk, context: Any, path: str) -> range:
        start, length = stream.tell(), self.length(context)
        if length:
            stream.skip(length, f"{path}/{self.told_by}", lambda: self.what(context))
        return range(start, start + length)

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> None:  # noqa: ARG002
        _put(stream, obj if obj is not None else range(self.length(context)))


class PlacedExtent(Construct):
    """Bytes at an offset of their own; the position does not change."""

    def __init__(self, offset: Of, length: Of) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.offset = offset
        self.length = length

    def _parse(self, stream: Position, context: Any, path: str) -> range:
        start, length = self.offset(context), self.length(context)
        stream.area(path, start, length)
        return range(start, start + length)

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> range:  # noqa: ARG002
        return self._parse(stream, context, path)


class Opaque(Construct):
    """Payload that only its device understands."""

    def __init__(self, whose: Callable[[Any], Payload]) -> None:
        super().__init__()
        self.whose = whose

    def _parse(self, stream: Walk, context: Any, path: str) -> range:
        start = stream.tell()
        stream.opaque(self.whose(context), path)
        return range(start, stream.tell())

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> None:  # noqa: ARG002
        _put(stream, obj)


class PageRecords(Construct):
    """Page records, read in bulk: single pages bypass Construct."""

    def _parse(self, stream: Walk, context: Any, path: str) -> range:  # noqa: ARG002
        start = stream.tell()
        stream.page_records(path)
        return range(start, stream.tell())

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> None:  # noqa: ARG002
        _put(stream, obj)


class Text(Construct):
    """JSON text; a file may have only the beginning of it."""

    def __init__(self, length: Of) -> None:
        super().__init__()
        self.length = length

    def _parse(self, stream: Walk, context: Any, path: str) -> range:  # noqa: ARG002
        start = stream.tell()
        stream.text(self.length(context))
        return range(start, stream.tell())

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> None:  # noqa: ARG002
        _put(stream, obj)


class Repeat(Subconstruct):
    """Consecutive items.

    Args:
        item: the repeated declaration.
        before: whether another item follows; called before each item.
        until: whether an item was the last one.
        counted: name of a list of the file that continues its numbering here; otherwise each list
            counts its own items.
        indexed: whether the number of an item is part of its path.
        alike: structures of an item that can occur thousands of times without new information;
            consecutive copies are skipped together.
    """

    def __init__(
        self,
        item: Construct,
        *,
        before: Of = lambda _: True,
        until: Callable[[Any, Any], bool] = lambda _item, _context: False,
        counted: str = "",
        indexed: bool = True,
        alike: tuple[str, ...] = (),
    ) -> None:
        super().__init__(item)
        self.before = before
        self.until = until
        self.counted = counted
        self.indexed = indexed
        self.alike = alike

    def _parse(self, stream: Walk, context: Any, path: str) -> list[Any]:
        counts = stream.said.counts if self.counted else {}
        number = counts.get(self.counted, 0)
        items: list[Any] = []
        while self.before(context):
            at = f"{path}[{number}]" if self.indexed else path
            start = stream.tell()
            item = self.subcon._parsereport(stream, context, at)
            copies = stream.copies(start, path, number, self.alike) if self.alike else 0
            number += 1 + copies
            counts[self.counted] = number
            if stream.keeps:  # a file may have hundreds of thousands of items
                items += [item] * (1 + copies)
            if self.until(item, context):
                break
        return items

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> None:
        counts = stream.said.counts if self.counted else {}
        for item in obj or ():
            number = counts.get(self.counted, 0)
            at = f"{path}[{number}]" if self.indexed else path
            self.subcon._build(item, stream, context, at)
            counts[self.counted] = number + 1


class Maybe(Subconstruct):
    """Optional member: parsed if `ahead` is true, built if a value is given."""

    def __init__(self, ahead: Of, subcon: Construct) -> None:
        super().__init__(subcon)
        self.flagbuildnone = True
        self.ahead = ahead

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        return self.subcon._parsereport(stream, context, path) if self.ahead(context) else None

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> Any:
        return None if obj is None else self.subcon._build(obj, stream, context, path)


class Choice(Construct):
    """One of several cases. Bytes given as such are built unchanged.

    Args:
        ahead: selects the case when parsing, from the context.
        given: selects the case when building, from the values.
        cases: declarations by key.
        default: declaration for any other key.
    """

    def __init__(
        self, ahead: Of, given: Of, cases: Mapping[Any, Construct], default: Construct
    ) -> None:
        super().__init__()
        self.ahead = ahead
        self.given = given
        self.cases = cases
        self.default = default

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        chosen = self.cases.get(self.ahead(context), self.default)
        return chosen._parsereport(stream, context, path)

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> Any:
        if isinstance(obj, bytes | range):
            return _put(stream, obj)
        chosen = self.cases.get(self.given(obj), self.default)
        return chosen._build(obj, stream, context, path)


class Attempt(Subconstruct):
    """Parse `subcon`; if `holds` is false then, go back and parse `otherwise`."""

    def __init__(self, subcon: Construct, otherwise: Construct, holds: Of) -> None:
        super().__init__(subcon)
        self.otherwise = otherwise
        self.holds = holds

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        found: list[Any] = []

        def parse() -> bool:
            found.append(self.subcon._parsereport(stream, context, path))
            return bool(self.holds(context))

        if stream.attempt(parse):
            return found[0]
        return self.otherwise._parsereport(stream, context, path)

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> Any:
        chosen = self.otherwise if isinstance(obj, bytes | range) else self.subcon
        return chosen._build(obj, stream, context, path)


class Refused(Construct):
    """Bytes that cannot be followed: parsing raises the error that `refusal` gives."""

    def __init__(self, refusal: Callable[[Any, str], FormatError]) -> None:
        super().__init__()
        self.refusal = refusal

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:  # noqa: ARG002
        raise self.refusal(context, path)


class Told(Construct):
    """Member without bytes: a computed value, or a side effect on the context.

    Args:
        note: called with the context and the path.
        built: whether it is also called when building.
    """

    def __init__(self, note: Callable[[Any, str], object], *, built: bool = True) -> None:
        super().__init__()
        self.flagbuildnone = True
        self.note = note
        self.built = built

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:  # noqa: ARG002
        return self.note(context, path)

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> Any:  # noqa: ARG002
        return self.note(context, path) if self.built else None


def parse(declaration: Construct, walk: Walk, path: str = "") -> Fields:
    """Follow a file along a declaration, or along a part of it at `path`.

    Returns:
        The values, as `build` takes them, if the walk keeps them.

    Raises:
        FormatError: the file cannot be followed further; the walk has everything before that.
    """
    values: Fields = _plain(declaration._parsereport(walk, NestedContext(walk), path))
    return values


def _plain(value: Any) -> Any:
    """Convert contexts and lists to plain dicts and lists."""
    if isinstance(value, NestedContext):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value


def build(declaration: Construct, values: Value, builder: Builder, path: str = "") -> None:
    """Build a file, or a part of it, along a declaration.

    Raises:
        BuildError: a value is missing or does not fit.
    """
    declaration._build(values, builder, NestedContext(builder), path)
