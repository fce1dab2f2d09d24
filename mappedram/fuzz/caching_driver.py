"""A caching driver: generated files consist of the same few structures."""

from typing import TypeVar, cast

from mappedram.format import drivers
from mappedram.format.drivers.base import Driver, Span
from mappedram.format.typed import Kind, Params, T

#: Most answers kept of each method. Forgetting all of them at once costs little.
_KEPT = 4096

_Key = TypeVar("_Key")
_Answer = TypeVar("_Answer")
_Kind = tuple[str, tuple[tuple[str, int], ...]]


class CachingDriver:
    """Caches the answers of another driver.

    All callers share an answer, so nobody may change it. Errors are not kept. For several threads;
    at worst, two of them do the same work.
    """

    name = "remembering"

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._parsed: dict[_Kind, dict[int, dict[bytes, object]]] = {}
        self._built: dict[tuple[_Kind, str], bytes] = {}
        self._spans: dict[tuple[_Kind, bytes], list[Span]] = {}

    def parse(self, kind: Kind[T], data: bytes, params: Params) -> tuple[T, int]:
        """See `Driver.parse`. No driver reads a byte behind the structure."""
        known = self._parsed.setdefault(_kind(kind, params), {})
        for length, structures in [*known.items()]:
            values = structures.get(data[:length])
            if values is not None:
                return cast("T", values), length
        found, length = self._driver.parse(kind, data, params)
        _remember(known.setdefault(length, {}), data[:length], found)
        return found, length

    def spans(self, kind: str, data: bytes, params: Params) -> list[Span]:
        """See `Driver.spans`."""
        key = _kind(kind, params), data
        found = self._spans.get(key)
        if found is None:
            found = _remember(self._spans, key, self._driver.spans(kind, data, params))
        return found

    def build(self, kind: Kind[T], values: T, params: Params) -> bytes:
        """See `Driver.build`."""
        key = _kind(kind, params), repr(values)
        found = self._built.get(key)
        if found is None:
            found = _remember(self._built, key, self._driver.build(kind, values, params))
        return found


def _kind(kind: str, params: Params) -> _Kind:
    return kind, tuple(params.items())


def _remember(answers: dict[_Key, _Answer], key: _Key, answer: _Answer) -> _Answer:
    if len(answers) >= _KEPT:
        answers.clear()
    answers[key] = answer
    return answer


#: Reads and writes the structures of all generated files.
DRIVER = CachingDriver(drivers.get("construct"))
