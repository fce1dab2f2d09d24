"""Keep the fewest bytes that make the reader stop at the same place for the same reason."""

from collections.abc import Callable

from mappedram.errors import FormatError
from mappedram.export.metadump.runs import Kept, KeptSource
from mappedram.stream.model import Stream
from mappedram.stream.reader import read_stream
from mappedram.stream.snapshot import OpenSnapshot

#: Longest prefix to try, as a power of two: no structure is longer.
_LONGEST = 17
#: Up to this length, find the bytes that matter: first in pieces, then one by one.
_FINE_MAX = 1 << 10
_STEPS = (8, 1)
#: Most structures to parse for this, beyond one pass of the reader.
_BUDGET = 1 << 18
#: Bytes of a stream without mapped-ram that take as long as one structure.
_RECORDS = 1 << 14

#: Half-open ranges, relative to where the reader stopped.
Spans = list[tuple[int, int]]


def keep_stop(snapshot: OpenSnapshot, kept: Kept) -> None:
    """Keep the bytes needed for the reader to stop at the same place for the same reason.

    They may be bytes of a page that were read as a header, so as few as possible are kept.
    """
    stream = snapshot.stream
    if stream.stopped is None:
        return
    wanted, start = _outcome(stream), stream.end
    work = 1 + len(stream.elements) + (0 if stream.mapped_ram else stream.file_size // _RECORDS)
    trials = iter(range(1 + _BUDGET // work))

    def is_alike(spans: Spans) -> bool:
        if next(trials, None) is None:
            return False
        trial = kept.with_ranges((start + first, start + last) for first, last in spans)
        source = KeptSource(snapshot.source, trial)
        try:
            return _outcome(read_stream(source, stream.offset, snapshot.driver)) == wanted
        except FormatError:
            return False

    prefixes = [0, *(1 << power for power in range(_LONGEST + 1))]
    prefix = next((length for length in prefixes if is_alike([(0, length)])), None)
    if not prefix:
        return
    spans = [(0, prefix)]
    if prefix <= _FINE_MAX:
        for step in _STEPS:
            spans = _thinned(spans, step, is_alike)
    for first, last in spans:
        kept.keep(start + first, min(start + last, stream.file_size))


def _thinned(spans: Spans, step: int, is_alike: Callable[[Spans], bool]) -> Spans:
    """Pieces of that length that the reader needs to stop in the same way."""
    pieces = [
        (at, min(at + step, last)) for first, last in spans for at in range(first, last, step)
    ]
    for piece in list(pieces):
        fewer = [other for other in pieces if other != piece]
        if is_alike(fewer):
            pieces = fewer
    return pieces


def _outcome(stream: Stream) -> tuple[object, ...]:
    """Where and why the reader stopped, and what it had read by then."""
    stopped = stream.stopped
    why = stopped and (type(stopped), str(stopped), stopped.expected, stopped.actual)
    return why, stream.end, [(e.kind, e.offset, e.length) for e in stream.elements]
