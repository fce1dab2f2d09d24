"""What made the reader stop: the fewest bytes behind that place with which it stops alike."""

from mappedram.errors import FormatError
from mappedram.metadump.runs import Kept, KeptSource
from mappedram.model import Stream
from mappedram.reader import read_stream
from mappedram.snapshot import Snapshot

#: Prefixes that are tried, as powers of two: no structure is longer.
_LONGEST = 17
#: What is looked at more closely than by powers of two: a header with two names in it.
_FINE_MAX = 1 << 10
_FINE_STEP = 8
#: A stream of more structures is not followed again for each byte.
_ELEMENTS_MAX = 20_000


def keep_stop(snapshot: Snapshot, kept: Kept) -> None:
    """Keep what is needed for the reader to give up at the same place for the same reason."""
    stream = snapshot.stream
    if stream.stopped is None:
        return
    start = stream.end
    prefix = next((1 << n >> 1 for n in range(_LONGEST + 2) if _alike(snapshot, kept, start, _span(1 << n >> 1))), 0)
    bytes_kept = _span(prefix)
    if prefix <= _FINE_MAX and len(stream.elements) <= _ELEMENTS_MAX:
        bytes_kept = _thinned(snapshot, kept, start, prefix)
    for first, last in bytes_kept:
        kept.keep(start + first, start + last)


def _span(length: int) -> list[tuple[int, int]]:
    return [(0, length)] if length else []


def _thinned(snapshot: Snapshot, kept: Kept, start: int, prefix: int) -> list[tuple[int, int]]:
    """The pieces of a prefix without which the reader would go elsewhere."""
    pieces = [
        (at, min(at + _FINE_STEP, prefix)) for at in range(0, prefix, _FINE_STEP)
    ]
    for piece in list(pieces):
        fewer = [other for other in pieces if other != piece]
        if _alike(snapshot, kept, start, fewer):
            pieces = fewer
    return pieces


def _alike(snapshot: Snapshot, kept: Kept, start: int, spans: list[tuple[int, int]]) -> bool:
    """Whether the reader, with these bytes behind `start` besides, ends as it did."""
    trial = kept.with_ranges((start + first, start + last) for first, last in spans)
    stream = snapshot.stream
    try:
        other = read_stream(KeptSource(snapshot.source, trial), stream.offset, snapshot.driver)
    except FormatError:
        return False
    return _outcome(other) == _outcome(stream)


def _outcome(stream: Stream) -> tuple[object, ...]:
    stopped = stream.stopped
    said = None if stopped is None else (
        type(stopped), str(stopped), stopped.expected, stopped.actual
    )
    places = [(element.kind, element.offset, element.length) for element in stream.elements]
    return said, stream.end, places
