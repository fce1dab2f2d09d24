"""The driver for the Construct declarations in `mappedram.format`."""

from io import BytesIO
from typing import Any, cast

from construct import Construct, ConstructError, ListContainer, StreamError

from mappedram.errors import BuildError
from mappedram.format import RECORDS
from mappedram.format._spec import TYPES
from mappedram.format.declare import RefusedValueError, Trace
from mappedram.format.drivers.base import Driver, RefusalError, Span
from mappedram.format.nesting import NestedContext
from mappedram.format.typed import Kind, Params, T
from mappedram.format.validity import Scalar


class ConstructDriver:
    """Reads and writes with Construct."""

    name = "construct"

    def parse(self, kind: Kind[T], data: bytes, params: Params) -> tuple[T, int]:
        """See `Driver.parse`."""
        stream = BytesIO(data)
        try:
            found = _declaration(kind)._parse(stream, _context(stream, kind, params), "(parsing)")
        except ConstructError:
            self.spans(kind, data, params)
            raise
        return _plain(found), stream.tell()

    def spans(self, kind: str, data: bytes, params: Params) -> list[Span]:
        """See `Driver.spans`."""
        trace: list[Trace] = []
        try:
            stream = BytesIO(data)
            _declaration(kind)._parse(stream, _context(stream, kind, params, trace), "(parsing)")
        except StreamError as error:
            raise _refusal(kind, trace, short=True) from error
        except RefusedValueError as error:
            raise _refusal(kind, trace, short=False, actual=error.actual) from error
        return [
            Span(entry.path, entry.start, entry.end, cast("Scalar", entry.value))
            for entry in trace
            if entry.end is not None
            and not isinstance(entry.value, (dict, ListContainer))
            and entry.value is not None
        ]

    def build(self, kind: Kind[T], values: T, params: Params) -> bytes:
        """See `Driver.build`."""
        stream = BytesIO()
        try:
            _declaration(kind)._build(values, stream, _context(stream, kind, params), "(building)")
        except (ConstructError, KeyError, TypeError, UnicodeError) as error:
            raise BuildError(f"{kind}: {error}") from error
        return stream.getvalue()


def _declaration(kind: str) -> Construct:
    return RECORDS[kind].subcon  # without its name, which would begin every path


def _context(
    stream: BytesIO, kind: str, params: Params, trace: list[Trace] | None = None
) -> NestedContext:
    """Context for parsing or building a structure, with the parameters that it declares."""
    context = NestedContext(stream)
    for name in TYPES[kind].params:
        context[name] = params.get(name, False)
    if trace is not None:
        context["trace"] = trace
    return context


def _refusal(
    kind: str, trace: list[Trace], *, short: bool, actual: Scalar | None = None
) -> RefusalError:
    """Refusal for the innermost field that was begun but not ended."""
    failed = next(entry for entry in reversed(trace) if entry.end is None)
    return RefusalError(kind, failed.path, failed.start, short=short, actual=actual)


def _plain(value: Any) -> Any:
    """Convert Construct's contexts and lists to dicts and lists."""
    if isinstance(value, dict):
        return {
            name: _plain(member) if isinstance(member, (dict, list)) else member
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value


DRIVER: Driver = ConstructDriver()
