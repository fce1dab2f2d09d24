"""What made the reader stop: the fewest bytes behind that place with which it stops alike."""

from collections.abc import Callable

from mappedram.errors import FormatError
from mappedram.export.metadump.runs import Kept, KeptSource
from mappedram.stream.model import Stream
from mappedram.stream.reader import read_stream
from mappedram.stream.snapshot import OpenSnapshot

#: Prefixes that are tried, as powers of two: no structure is longer.
_LONGEST = 17
#: Up to this length, it is found out which bytes count: in pieces first, and then one by one.
_FINE_MAX = 1 << 10
_STEPS = (8, 1)
#: How many structures are read for all of that, if the reader does not have to be followed once.
_BUDGET = 1 << 18
#: Bytes of a stream without mapped-ram that are as much work as one structure.
_RECORDS = 1 << 14

#: Half-open ranges, counted from where the reader stopped.
Spans = list[tuple[int, int]]


def keep_stop(snapshot: OpenSnapshot, kept: Kept) -> None:
    """Keep what is needed for the reader to give up at the same place for the same reason.

    It may be bytes of a page that were taken for a header, so that each is left out that can be.
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
    """The pieces of that length without which the reader would go elsewhere."""
    pieces = [
        (at, min(at + step, last)) for first, last in spans for at in range(first, last, step)
    ]
    for piece in list(pieces):
        fewer = [other for other in pieces if other != piece]
        if is_alike(fewer):
            pieces = fewer
    return pieces


def _outcome(stream: Stream) -> tuple[object, ...]:
    """Where and why the reader gave up, and what it had passed by then."""
    stopped = stream.stopped
    why = stopped and (type(stopped), str(stopped), stopped.expected, stopped.actual)
    return why, stream.end, [(e.kind, e.offset, e.length) for e in stream.elements]
