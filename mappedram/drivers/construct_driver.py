"""The driver over the Construct declarations in `mappedram.layout`."""

from io import BytesIO
from typing import Any, cast

from construct import Construct, ConstructError, ListContainer, StreamError

from mappedram.drivers.base import Driver, RefusalError, Span
from mappedram.errors import BuildError
from mappedram.layout import RECORDS
from mappedram.layout._spec import TYPES
from mappedram.layout.declare import RefusedValueError, Trace
from mappedram.layout.typed import Kind, Params, T
from mappedram.layout.validity import Scalar


class ConstructDriver:
    """Reads and writes with Construct."""

    name = "construct"

    def parse(self, kind: Kind[T], data: bytes, params: Params) -> tuple[T, int]:
        """See `Driver.parse`."""
        stream = BytesIO(data)
        try:
            container = _declaration(kind).parse_stream(stream, **_params(kind, params))
        except ConstructError:
            self.spans(kind, data, params)
            raise
        return _plain(container), stream.tell()

    def spans(self, kind: str, data: bytes, params: Params) -> list[Span]:
        """See `Driver.spans`."""
        trace: list[Trace] = []
        try:
            _declaration(kind).parse(data, trace=trace, **_params(kind, params))
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
        try:
            data: bytes = _declaration(kind).build(values, **_params(kind, params))
        except (ConstructError, KeyError, TypeError, UnicodeError) as error:
            raise BuildError(f"{kind}: {error}") from error
        return data


def _declaration(kind: str) -> Construct:
    return RECORDS[kind].subcon  # without its name, which would begin every path


def _params(kind: str, params: Params) -> Params:
    return {name: params.get(name, False) for name in TYPES[kind].params}


def _refusal(
    kind: str, trace: list[Trace], *, short: bool, actual: Scalar | None = None
) -> RefusalError:
    """The innermost field that was begun and not ended is the one that failed."""
    failed = next(entry for entry in reversed(trace) if entry.end is None)
    return RefusalError(kind, failed.path, failed.start, short=short, actual=actual)


def _plain(value: Any) -> Any:
    """Construct's containers as dicts and lists, without what it keeps for itself."""
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items() if key != "_io"}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value


DRIVER: Driver = ConstructDriver()
