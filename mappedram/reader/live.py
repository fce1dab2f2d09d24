"""How far the payloads of live devices reach whose formats are written by hand.

Each grammar takes the records at the stream position, one after the other, and passes the bytes
that they announce. Source: spec/live.ksy.
"""

from collections.abc import Callable
from typing import Protocol

from mappedram.errors import FormatError
from mappedram.layout.constants import (
    DIRTY_BITMAP_EOS,
    STATTR_FLAG_EOS,
    STATTR_FLAG_MASK,
    VFIO_MIG_FLAG_DEV_CONFIG_LOAD_READY,
    VFIO_MIG_FLAG_DEV_CONFIG_STATE,
    VFIO_MIG_FLAG_DEV_INIT_DATA_SENT,
    VFIO_MIG_FLAG_END_OF_STATE,
)
from mappedram.model import Element

#: Records of all live devices but RAM in one file; those behind are not told apart.
RECORDS_MAX = 1 << 16
_HTAB_ENTRY = 16
_ENDS_VFIO = {
    VFIO_MIG_FLAG_END_OF_STATE,
    VFIO_MIG_FLAG_DEV_INIT_DATA_SENT,
    VFIO_MIG_FLAG_DEV_CONFIG_LOAD_READY,
}


class Walk(Protocol):
    """What a grammar asks of the walk."""

    def take(self, kind: str, path: str) -> Element:
        """Read a structure at the stream position and move behind it."""

    def skip(self, length: int, path: str) -> None:
        """Move on by that many bytes."""


class LimitedWalk:
    """The walk as all grammars together see it: after so many records, none follows any more.

    Otherwise a payload that turns out not to be one would be gone through in each of thousands of
    sections, and one of a mebibyte could be a million records.
    """

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._left = RECORDS_MAX

    def take(self, kind: str, path: str) -> Element:
        """See `Walk.take`."""
        self._left -= 1
        if self._left < 0:
            raise FormatError("too many records of live devices", path=path)
        return self._walk.take(kind, path)

    def skip(self, length: int, path: str) -> None:
        """See `Walk.skip`."""
        self._walk.skip(length, path)


def _dirty_bitmap(walk: Walk, path: str) -> bool:
    flags = 0
    number = 0
    while not flags & DIRTY_BITMAP_EOS:
        chunk = walk.take("dirty_bitmap_chunk", f"{path}/chunks[{number}]")
        flags = chunk.values["chunk_flags"]
        walk.skip(chunk.values["buf_size"] or 0, chunk.path)
        number += 1
    return True


def _htab(walk: Walk, path: str) -> bool:
    if walk.take("htab_header", f"{path}/table").values["section_hdr"] != 0:
        return True
    number = 0
    while True:
        chunk = walk.take("htab_chunk", f"{path}/chunks[{number}]")
        walk.skip(chunk.values["n_valid"] * _HTAB_ENTRY, chunk.path)
        if not any(chunk.values.values()):
            return True
        number += 1


def _storage_attributes(walk: Walk, path: str) -> bool:
    number = 0
    while True:
        record = walk.take("storage_attributes", f"{path}/records[{number}]")
        walk.skip(record.values["count"] or 0, record.path)
        if record.values["addr_and_flags"] & STATTR_FLAG_MASK == STATTR_FLAG_EOS:
            return True
        number += 1


def _vfio(walk: Walk, path: str) -> bool:
    number = 0
    while True:
        record = walk.take("vfio_record", f"{path}/records[{number}]")
        tag = record.values["tag"]
        walk.skip(record.values["data_size"] or 0, record.path)
        if tag in _ENDS_VFIO:
            return True
        if tag == VFIO_MIG_FLAG_DEV_CONFIG_STATE:
            return False  # the state of the device follows, which only the JSON describes
        number += 1


Grammar = Callable[[Walk, str], bool]

#: By the end of the `idstr`: what passes one payload, and says whether it came to its end.
GRAMMARS: dict[str, Grammar] = {
    "dirty-bitmap": _dirty_bitmap,
    "spapr/htab": _htab,
    "s390-storage_attributes": _storage_attributes,
    "s390-skeys": _storage_attributes,
    "/vfio": _vfio,
}


def grammar_of(idstr: str | None) -> Grammar | None:
    """The grammar of a device, if it has one."""
    name = idstr or ""
    return next((grammar for end, grammar in GRAMMARS.items() if name.endswith(end)), None)
