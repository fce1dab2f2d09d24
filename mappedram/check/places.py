"""Find the field at an offset that the model of the loader reports."""

from collections.abc import Iterator

from mappedram.check.finding import Place
from mappedram.format import drivers
from mappedram.io.source import Source
from mappedram.stream.model import Element, Stream
from mappedram.stream.regions import claimed


def place_at(offset: int, stream: Stream | None, source: Source) -> Place:
    """The place of an offset: a field of a structure, a payload, or an area of a block.

    Args:
        offset: offset in the file.
        stream: the parsed stream; None if the file has none.
        source: the file.

    Returns:
        A place without a path if the offset belongs to no known structure.
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
