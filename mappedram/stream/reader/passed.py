"""State of a walk along a stream, for either declaration."""

from collections.abc import Callable
from typing import Any, Never

from construct import SizeofError

from mappedram.errors import FormatError, TruncatedError, UnsupportedError
from mappedram.format import ELEMENTS, libvirt
from mappedram.format.constants import QEMU_VM_FILE_MAGIC
from mappedram.format.drivers.base import Driver, RefusalError, Span
from mappedram.format.foreign.signatures import MAGIC_MAX, foreign
from mappedram.format.grammar import Said
from mappedram.format.members import member
from mappedram.io.source import Source
from mappedram.stream.model import Area, Element, Stream, VmDescription, file_up_to
from mappedram.stream.reader import assemble, vmdescription
from mappedram.stream.reader.records import PageIndex


class Passed:
    """State of one walk: the stream position and the structures so far.

    Args:
        source: the file.
        offset: start of the stream.
        driver: reads single structures, or at least locates their fields.
    """

    def __init__(self, source: Source, offset: int, driver: Driver) -> None:
        self.source = source
        self.driver = driver
        self.start = offset
        self.position = offset
        self.said = Said()
        self.elements: list[Element[object]] = []
        self.areas: list[Area] = []
        self.vmdescription: VmDescription | None = None
        self.records: PageIndex | None = None

    def result(self, stopped: FormatError | None) -> Stream:
        """Everything read; `stopped` is the reason why reading ended."""
        end = min(self.position, self.source.size)
        return Stream(
            file_size=self.source.size,
            offset=self.start,
            end=end,
            configuration=assemble.configuration(self.elements, self.source.left_out),
            mapped_ram=self.said.mapped_ram,
            mapped_ram_guessed=self.said.mapped_ram_guessed,
            totals=assemble.totals(self.elements),
            blocks=assemble.blocks(self.elements),
            sections=assemble.sections(self.elements, end),
            elements=tuple(self.elements),
            areas=tuple(self.areas),
            vmdescription=self.vmdescription,
            stopped=stopped,
            recorded=self.records.finish() if self.records else {},
        )

    def stopped(self, error: FormatError) -> Stream:
        """Everything read before the walk could not continue.

        Raises:
            TruncatedError: the file ends before anything was read.
            UnsupportedError: no QEMU migration stream begins there.
        """
        if self.elements:
            return self.result(error)
        if isinstance(error, TruncatedError):
            raise error
        raise UnsupportedError(
            error.msg,
            offset=error.offset,
            path=error.path,
            expected=error.expected,
            actual=error.actual,
        ) from error

    # Methods for the declaration of Construct (`mappedram.format.grammar.Walk`).

    def tell(self) -> int:
        """See `grammar.Walk`."""
        return self.position

    def peek(self, length: int) -> bytes:
        """See `grammar.Walk`."""
        return self.source.peek(self.position, length)

    def skip(self, length: int, told_by: str, what: Callable[[], str]) -> None:
        """See `grammar.Walk`."""
        end = self.position + length
        if end > self.source.size:
            span = self._span(told_by)
            raise TruncatedError(
                f"{what()} at {end:#x}, but the file at {self.source.size:#x}",
                offset=span.start,
                path=told_by,
                expected=file_up_to(end),
                actual=f"{self.source.size:#x} bytes",
                length=span.end - span.start,
            )
        self.position = end

    def area(self, path: str, start: int, length: int) -> None:
        """See `grammar.Walk`."""
        if length > 0:
            self.areas.append(Area(path, start, length))

    def copies(self, start: int, path: str, number: int, alike: tuple[str, ...]) -> int:
        """See `grammar.Walk`."""
        length = self.position - start
        item = self.elements[-len(alike) :]
        if (
            tuple(element.kind for element in item) != alike
            or sum(element.length for element in item) != length
        ):
            return 0
        data = self.source.peek(start, length)
        own = len(f"{path}[{number}]")
        count = 0
        while self.source.peek(self.position, length) == data:
            count += 1
            for one in item:
                at = f"{path}[{number + count}]{one.path[own:]}"
                offset = one.offset + count * length
                self.elements.append(
                    Element(one.kind, at, offset, one.length, one.values, one.params)
                )
            self.position += length
        return count

    def text(self, length: int) -> None:
        """See `grammar.Walk`."""
        if self.vmdescription is None or self.vmdescription.offset != self.position:
            self.vmdescription = vmdescription.parse(self.source, self.position, length)
        self.position += self.vmdescription.length

    # Refusals.

    def refuse(self, refusal: RefusalError, path: str) -> Never:
        """Raise the error for a structure at the stream position that a driver refused."""
        offset = self.position + refusal.start
        name = refusal.path.rpartition("/")[2]
        path = f"{path}/{refusal.path}"
        if refusal.short:
            raise TruncatedError(
                f"{name}: the file ends at {self.source.size:#x}, within the field",
                offset=offset,
                path=path,
            )
        expected = _expected(refusal)
        raise FormatError(
            f"{name}: expected {expected}, got {_shown(refusal.actual)}",
            offset=offset,
            path=path,
            expected=expected,
            actual=refusal.actual,
            length=_length(refusal),
        )

    def place(self, told_by: str) -> int:
        """Offset of the field at that path in the last structure."""
        return self._span(told_by).start

    def _span(self, told_by: str) -> Span:
        """Place of the field at that path in the last structure, in the file."""
        element = self.elements[-1]
        data = self.source.peek(element.offset, element.length)
        name = told_by.removeprefix(f"{element.path}/")
        spans = self.driver.spans(element.kind, data, element.params)
        span = next(span for span in spans if span.path == name)
        return span._replace(start=element.offset + span.start, end=element.offset + span.end)


def _expected(refusal: RefusalError) -> str:
    """Expected value of the refused field."""
    validity = member(ELEMENTS[refusal.kind], refusal.path).validity
    return validity.expected if validity else "another value"


def _length(refusal: RefusalError) -> int | None:
    """Bytes of the refused field; None if they depend on others."""
    try:
        return int(member(ELEMENTS[refusal.kind], refusal.path).core.sizeof())
    except SizeofError:
        return None


def _shown(value: Any) -> str:
    return f"{value:#x}" if isinstance(value, int) else repr(value)


def refuse_others(source: Source, offset: int) -> None:
    """Raise `UnsupportedError` unless a stream begins at `offset`."""
    head = source.peek(offset, len(QEMU_VM_FILE_MAGIC))
    if head != QEMU_VM_FILE_MAGIC:
        raise UnsupportedError(
            _what_else(source, offset, head),
            offset=offset,
            path="/header/magic",
            expected='"QEVM"',
            actual=head,
            length=len(head) or None,
        )


def _what_else(source: Source, offset: int, head: bytes) -> str:
    """Description of the bytes at `offset`, which are not a stream header."""
    if not head:
        return "the file is empty" if source.size == 0 else "the file ends before the stream begins"
    begins = libvirt.stream_offset(source.peek(offset, libvirt.HEADER_SIZE))
    if begins is not None:
        return (
            "a libvirt save image, not a bare QEMU stream; the stream should begin at"
            f" offset {offset + begins:#x}"
        )
    other = foreign(source.peek(offset, MAGIC_MAX))
    if other:
        advice = f"; {other.advice}" if other.advice else ""
        return f"not a QEMU migration stream, but {other.what}{advice}"
    return f"not a QEMU migration stream: it begins with {head[:4]!r}, not with b'QEVM'"
