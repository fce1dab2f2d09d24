"""How a whole file is declared in Construct: structures at the position, extents, lists.

The stream that such a declaration is parsed from is a `Walk`. It reads the structures, is told what
is passed and where areas lie, and keeps what was said so far. Paths are those of a file, such as
`/sections[2]/header`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from construct import Construct, Subconstruct

from mappedram.errors import FormatError
from mappedram.format.nesting import FieldMember, NestedContext
from mappedram.format.typed import Fields, Kind, Params, T, Value

NOTHING: Params = {}
#: Something that depends on what was parsed before it.
Of = Callable[[Any], Any]


@dataclass(slots=True)
class Said:
    """What the stream has said so far, as far as the place of anything behind it hangs on that.

    Attributes:
        has_configuration: whether there is a configuration section.
        target_page_bits: of a target whose page size is not fixed.
        capabilities: what the configuration section announces.
        mapped_ram: whether blocks have a mapped-ram header.
        mapped_ram_guessed: whether that was told from the first block.
        postcopy_advised: whether the command POSTCOPY_ADVISE came with an argument.
        footers: whether sections have footers; None before the first one.
        started: `idstr` and `instance_id` of the live devices, by `section_id`.
        counts: how many items each list of the file has had.
        records_left: how many records of live devices are still told apart.
        rest: whether all that is left of the file is one payload, whose end nothing tells.
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
    """Whose payload it is; None where the number of a section was never started."""

    section_type: int
    section_id: int
    idstr: str | None
    instance_id: int | None


class Position(Protocol):
    """A file as a declaration sees it, whether it is parsed or built."""

    said: Said
    word_size: int

    def tell(self) -> int:
        """The stream position, counted from the beginning of the file."""

    def area(self, path: str, start: int, length: int) -> None:
        """Learn that bytes with a place of their own stand there."""


class Walk(Position, Protocol):
    """A file that is parsed. `keeps` says whether somebody wants the items of its lists."""

    keeps: bool

    def peek(self, length: int) -> bytes:
        """At most that many bytes at the position; fewer only where the file ends."""

    def structure(self, kind: Kind[T], path: str, params: Params) -> T:
        """Read the structure `kind`, move behind it, and give its values by field name."""

    def place(self, told_by: str) -> int:
        """Where the field at that path stands, which is one of the last structure."""

    def skip(self, length: int, told_by: str, what: Callable[[], str]) -> None:
        """Pass that many bytes, which the last structure has told in the field at `told_by`."""

    def copies(self, start: int, path: str, number: int, alike: tuple[str, ...]) -> int:
        """Pass copies of the item `path[number]`, which begins at `start` and ends here.

        Returns:
            How many there are; none of an item that has other structures than `alike`, or bytes
            besides.
        """

    def attempt(self, parse: Callable[[], bool]) -> bool:
        """Whether `parse` came to its end; otherwise nothing was passed."""

    @property
    def flags_mask(self) -> int:
        """The bits of a record of RAM that are flags, of which a small page has fewer."""

    def page_records(self, path: str) -> None:
        """Pass the page records of a stream without mapped-ram, as many as there are."""

    def opaque(self, payload: Payload, path: str) -> None:
        """Pass a payload that only its device understands."""

    def text(self, length: int) -> None:
        """Pass the JSON text, or what the file has of it."""


class Builder(Position, Protocol):
    """A file that is built."""

    align: int

    def build(self, structure: "Structure", path: str, values: Fields, context: Any) -> Fields:
        """Put the structure at the position, and give the values that it has there."""

    def put(self, data: bytes) -> None:
        """Put bytes at the position."""

    def leave(self, length: int) -> None:
        """Leave room for that many bytes."""


def step(name: str, subcon: Construct) -> Construct:
    """A member that is one step of the path."""
    return FieldMember(subcon, name, f"/{name}")


def here(name: str, subcon: Construct) -> Construct:
    """A member that stands at the path of its owner."""
    return FieldMember(subcon, name, "")


class At(Subconstruct):
    """What has a path of its own, wherever it stands."""

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
        around: what it has to know of the stream around it.
        values: what it holds if nothing else is said when it is built; members likewise.
        derived: what follows from the context, from its other values, and from where it ends.
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
    """A record of a live device: after so many in one file, none is told apart any more.

    Otherwise a payload that turns out not to be one would be gone through in each of thousands of
    sections, and one of a mebibyte could be a million records.
    """

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        stream.said.records_left -= 1
        if stream.said.records_left < 0:
            raise FormatError("too many records of live devices", path=path)
        return super()._parse(stream, context, path)


def _put(stream: Builder, what: bytes | range) -> None:
    """Put bytes, or leave room for those that stand in a range already."""
    if isinstance(what, bytes):
        stream.put(what)
    else:
        stream.leave(what.stop - what.start)


class Extent(Construct):
    """Bytes that are passed, as many as `length` says, which the field `told_by` has told.

    `what` begins the message of a file that ends before, such as "the packaged stream ends".
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
    """Bytes at a place of their own: nothing is passed."""

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
    """The payload of a device that only the device understands."""

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
    """The records of pages, which are read in bulk: no page goes through Construct."""

    def _parse(self, stream: Walk, context: Any, path: str) -> range:  # noqa: ARG002
        start = stream.tell()
        stream.page_records(path)
        return range(start, stream.tell())

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> None:  # noqa: ARG002
        _put(stream, obj)


class Text(Construct):
    """The JSON text, of which a file may have only the beginning."""

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
    """Items one behind the other.

    Args:
        item: what is repeated.
        before: whether another item comes; asked before each.
        until: whether an item was the last.
        counted: the name of a list of the file, which goes on where it stood; otherwise each list
            counts its own items.
        indexed: whether the number of an item is part of its path.
        alike: of which structures, to the last byte, an item consists that can stand there
            thousands of times and says nothing new: its copies are taken together.
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
            if stream.keeps:  # a file may have hundreds of thousands
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
    """What is there if `ahead` says so of the bytes at the position; built if it is given."""

    def __init__(self, ahead: Of, subcon: Construct) -> None:
        super().__init__(subcon)
        self.flagbuildnone = True
        self.ahead = ahead

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        return self.subcon._parsereport(stream, context, path) if self.ahead(context) else None

    def _build(self, obj: Any, stream: Builder, context: Any, path: str) -> Any:
        return None if obj is None else self.subcon._build(obj, stream, context, path)


class Choice(Construct):
    """One of several, by what is at the position; built by what is given, or of bytes as they are.

    Args:
        ahead: tells from the context which of the cases the bytes at the position are.
        given: tells which of the cases the values are of.
        cases: what there may be.
        default: what else.
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
    """What `holds` after it was parsed, or else `otherwise`, from the same place on."""

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
    """What nothing can be made of."""

    def __init__(self, refusal: Callable[[Any, str], FormatError]) -> None:
        super().__init__()
        self.refusal = refusal

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:  # noqa: ARG002
        raise self.refusal(context, path)


class Told(Construct):
    """Takes no bytes: a value of what stands before, or something to be kept of it.

    Args:
        note: gets the context and the path.
        built: whether that is so of what is built, too.
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
    """Follow a file along its declaration, or a part of it, which stands at `path`.

    Returns:
        Its values, as `build` takes them, where the walk keeps them.

    Raises:
        FormatError: it cannot be followed further; what was passed before, the walk knows.
    """
    values: Fields = _plain(declaration._parsereport(walk, NestedContext(walk), path))
    return values


def _plain(value: Any) -> Any:
    """Values without what stands around them."""
    if isinstance(value, NestedContext):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value


def build(declaration: Construct, values: Value, builder: Builder, path: str = "") -> None:
    """Put a file, or a part of it, along its declaration.

    Raises:
        BuildError: a value is missing or does not fit.
    """
    declaration._build(values, builder, NestedContext(builder), path)
