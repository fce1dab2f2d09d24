"""How a whole file is declared in Construct: structures at the position, extents, lists.

The stream that such a declaration is parsed from is a `Walk`. It reads the structures, is told what
is passed and where areas lie, and keeps what was said so far. Paths are those of a file, such as
`/sections[2]/header`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from construct import Construct, Container, Renamed, Subconstruct

from mappedram.errors import FormatError

#: What the stream around a structure says of it, such as `has_mapped_ram` or a page size.
Params = Mapping[str, int]
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


class Payload(NamedTuple):
    """Whose payload it is; None where the number of a section was never started."""

    section_type: int
    section_id: int
    idstr: str | None
    instance_id: int | None


class Walk(Protocol):
    """The file as a declaration sees it."""

    said: Said

    def tell(self) -> int:
        """The stream position, counted from the beginning of the file."""

    def peek(self, length: int) -> bytes:
        """At most that many bytes at the position; fewer only where the file ends."""

    def structure(self, kind: str, path: str, params: Params) -> Any:
        """Read the structure `kind`, move behind it, and give its values by field name."""

    def skip(self, length: int, told_by: str, what: Callable[[], str]) -> None:
        """Pass that many bytes, which the last structure has told in the field at `told_by`."""

    def area(self, path: str, start: int, length: int) -> None:
        """Learn that bytes with a place of their own stand there."""

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


class _Step(Renamed):
    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        return self.subcon._parsereport(stream, context, f"{path}/{self.name}")


class _Here(Renamed):
    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        return self.subcon._parsereport(stream, context, path)


def step(name: str, subcon: Construct) -> Construct:
    """A member that is one step of the path."""
    return _Step(subcon, name)


def here(name: str, subcon: Construct) -> Construct:
    """A member that stands at the path of its owner."""
    return _Here(subcon, name)


class At(Subconstruct):
    """What has a path of its own, wherever it stands."""

    def __init__(self, path: str, subcon: Construct) -> None:
        super().__init__(subcon)
        self.path = path

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:  # noqa: ARG002
        return self.subcon._parsereport(stream, context, self.path)


class Structure(Construct):
    """A structure of the spec. `around` says what it has to know of the stream around it."""

    def __init__(self, declaration: Construct, around: Of = lambda _: NOTHING) -> None:
        super().__init__()
        self.declaration = declaration
        self.kind: str = declaration.name
        self.around = around

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        return stream.structure(self.kind, path, self.around(context))


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


class Extent(Construct):
    """Bytes that are passed, as many as `length` says, which the field `told_by` has told.

    `what` begins the message of a file that ends before, such as "the packaged stream ends".
    """

    def __init__(
        self, length: Of, *, told_by: str, what: Of = lambda _: "what follows ends"
    ) -> None:
        super().__init__()
        self.length = length
        self.told_by = told_by
        self.what = what

    def _parse(self, stream: Walk, context: Any, path: str) -> None:
        length = self.length(context)
        if length:
            stream.skip(length, f"{path}/{self.told_by}", lambda: self.what(context))


class Area(Construct):
    """Bytes at a place of their own: nothing is passed."""

    def __init__(self, offset: Of, length: Of) -> None:
        super().__init__()
        self.offset = offset
        self.length = length

    def _parse(self, stream: Walk, context: Any, path: str) -> range:
        start, length = self.offset(context), self.length(context)
        stream.area(path, start, length)
        return range(start, start + length)


class Opaque(Construct):
    """The payload of a device that only the device understands."""

    def __init__(self, whose: Callable[[Any], Payload]) -> None:
        super().__init__()
        self.whose = whose

    def _parse(self, stream: Walk, context: Any, path: str) -> None:
        stream.opaque(self.whose(context), path)


class PageRecords(Construct):
    """The records of pages, which are read in bulk: no page goes through Construct."""

    def _parse(self, stream: Walk, context: Any, path: str) -> None:  # noqa: ARG002
        stream.page_records(path)


class Repeat(Subconstruct):
    """Items one behind the other.

    Args:
        item: what is repeated.
        before: whether another item comes; asked before each.
        until: whether an item was the last.
        counted: the name of a list of the file, which goes on where it stood; otherwise each list
            counts its own items.
        indexed: whether the number of an item is part of its path.
    """

    def __init__(
        self,
        item: Construct,
        *,
        before: Of = lambda _: True,
        until: Callable[[Any, Any], bool] = lambda _item, _context: False,
        counted: str = "",
        indexed: bool = True,
    ) -> None:
        super().__init__(item)
        self.before = before
        self.until = until
        self.counted = counted
        self.indexed = indexed

    def _parse(self, stream: Walk, context: Any, path: str) -> None:
        counts = stream.said.counts if self.counted else {}
        number = counts.get(self.counted, 0)
        while self.before(context):
            # Nobody asks for the items again: a file may have hundreds of thousands.
            at = f"{path}[{number}]" if self.indexed else path
            item = self.subcon._parsereport(stream, context, at)
            number += 1
            counts[self.counted] = number
            if self.until(item, context):
                break


class Attempt(Subconstruct):
    """What `holds` after it was parsed, or else `otherwise`, from the same place on."""

    def __init__(self, subcon: Construct, otherwise: Construct, holds: Of) -> None:
        super().__init__(subcon)
        self.otherwise = otherwise
        self.holds = holds

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:
        def parse() -> bool:
            self.subcon._parsereport(stream, context, path)
            return bool(self.holds(context))

        if not stream.attempt(parse):
            self.otherwise._parsereport(stream, context, path)


class Refused(Construct):
    """What nothing can be made of."""

    def __init__(self, refusal: Callable[[Any, str], FormatError]) -> None:
        super().__init__()
        self.refusal = refusal

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:  # noqa: ARG002
        raise self.refusal(context, path)


class Told(Construct):
    """Takes no bytes: a value of what was parsed, or something to be kept of it."""

    def __init__(self, note: Callable[[Any, str], object]) -> None:
        super().__init__()
        self.note = note

    def _parse(self, stream: Walk, context: Any, path: str) -> Any:  # noqa: ARG002
        return self.note(context, path)


def parse(declaration: Construct, walk: Walk) -> None:
    """Follow a file along its declaration.

    Raises:
        FormatError: it cannot be followed further; what was passed before, the walk knows.
    """
    context = Container(_parsing=True, _building=False, _sizing=False)
    context._params = context
    declaration._parsereport(walk, context, "")
