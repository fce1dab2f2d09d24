"""Which field of a file begins at a byte that somebody else has named: the model of the loader."""

from collections.abc import Iterator

from mappedram.check.finding import Place
from mappedram.format import drivers
from mappedram.io.source import Source
from mappedram.stream.model import Element, Stream
from mappedram.stream.regions import claimed


def place_at(offset: int, stream: Stream | None, source: Source) -> Place:
    """What stands at a byte: a field of a structure, a payload, or what a header points at.

    Args:
        offset: of the byte.
        stream: what was read of the file; None where no stream begins there.
        source: the file.

    Returns:
        A place without a path where nothing is known of these bytes.
    """
    nowhere = Place(offset, None, "")
    return nowhere if stream is None else next(_places(offset, stream, source), nowhere)


def _places(offset: int, stream: Stream, source: Source) -> Iterator[Place]:
    for region in claimed(stream):
        if region.offset <= offset < region.end:
            if region.element is not None:
                yield from _fields(offset, region.element, source)
            else:
                yield Place(offset, None, region.path)


def _fields(offset: int, element: Element[object], source: Source) -> Iterator[Place]:
    data = source.read(element.offset, element.length)
    spans = drivers.get("construct").spans(element.kind, data, dict(element.params))
    for span in spans:
        start, end = element.offset + span.start, element.offset + span.end
        if start <= offset < end:
            yield Place(offset, end - offset, f"{element.path}/{span.path}")
