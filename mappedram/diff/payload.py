"""Compare payloads of sections of any length, a piece at a time."""

from hashlib import blake2b
from itertools import groupby

from mappedram.io.source import Source
from mappedram.stream.model import Section

_PIECE = 1 << 20
#: Most bytes shown of a difference.
SHOWN = 64


def first_difference(a: Source, one: Section, b: Source, other: Section) -> int | None:
    """Offset of the first difference in two payloads; None if there is none."""
    common = min(one.payload_length, other.payload_length)
    for start in range(0, common, _PIECE):
        length = min(_PIECE, common - start)
        piece = a.read(one.payload_offset + start, length)
        its = b.read(other.payload_offset + start, length)
        if piece != its:
            pairs = zip(piece, its, strict=False)
            short = min(len(piece), len(its))
            return start + next((n for n, (x, y) in enumerate(pairs) if x != y), short)
    return None if one.payload_length == other.payload_length else common


def excerpt(source: Source, section: Section, start: int) -> bytes:
    """First bytes of a payload from `start` on."""
    length = min(SHOWN, section.payload_length - start)
    return source.read(section.payload_offset + start, length)


def said(source: Source, sections: list[Section]) -> list[bytes]:
    """Digests of the sections of a live device; repetitions count once.

    A device that has nothing left to send says so in every round, and the number of rounds depends
    on the speed of the disk.
    """
    digests = (_digest(source, section) for section in sections)
    return [digest for digest, _ in groupby(digests)]


def _digest(source: Source, section: Section) -> bytes:
    digest = blake2b(bytes([section.type]), digest_size=16)
    for start in range(0, section.payload_length, _PIECE):
        length = min(_PIECE, section.payload_length - start)
        digest.update(source.read(section.payload_offset + start, length))
    return digest.digest()
