"""Header and snapshot table of a qcow2 image.

Source: QEMU block/qcow2.c, qcow2_do_open(); block/qcow2-snapshot.c, qcow2_do_read_snapshots().
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mappedram.errors import FormatError, TruncatedError, UnsupportedError
from mappedram.format import drivers
from mappedram.format.drivers.base import RefusalError
from mappedram.format.foreign.qcow2 import (
    L2E_SIZE_EXTENDED,
    L2E_SIZE_NORMAL,
    QCOW_MAX_SNAPSHOTS_SIZE,
    SUBCLUSTERS,
    UNKNOWN_ICOUNT,
    Compression,
    Crypt,
    IncompatibleFeature,
)
from mappedram.format.structures import QCOW2_HEADER, QCOW2_SNAPSHOT, Qcow2Header, Qcow2Snapshot
from mappedram.format.typed import Kind, T
from mappedram.io.source import Source

PATH = "/qcow2"
_ENTRY_ALIGNMENT = 8
#: Bytes of a header with all fields, and of an entry with the longest extra data and names.
_HEADER_MAX = 105
_ENTRY_MAX = 40 + 1024 + 2 * 0xFFFF
#: Bytes of an entry that are nearly always enough.
_ENTRY_USUAL = 4096
#: Clusters are no smaller with extended L2 entries: a subcluster has at least 512 bytes.
_EXTENDED_BITS_MIN = 14


@dataclass(frozen=True, slots=True)
class InternalSnapshot:
    """One entry of the snapshot table.

    Attributes:
        index: its place in the table, from 0.
        offset: offset of the entry in the image.
        id: the id, a decimal number where QEMU chose it. Bytes that are not UTF-8 become
            surrogates, here and in `name`.
        name: the name that the user chose; not always unique.
        date_sec: time of the snapshot in seconds since 1970.
        date_nsec: nanoseconds of that time.
        vm_clock_nsec: time that the guest had been running, in nanoseconds.
        vm_state_size: bytes of the VM state that were written, 0 without one. With mapped-ram this
            is less than the extent of the VM state.
        disk_size: size of the virtual disk when the snapshot was made, in bytes.
        icount: number of instructions executed; None if it is unknown.
        l1_table_offset: offset of its L1 table in the image.
        l1_size: number of entries in that table.
    """

    index: int
    offset: int
    id: str
    name: str
    date_sec: int
    date_nsec: int
    vm_clock_nsec: int
    vm_state_size: int
    disk_size: int
    icount: int | None
    l1_table_offset: int
    l1_size: int

    @property
    def path(self) -> str:
        """The place in the structure that messages name."""
        return f"{PATH}/snapshots[{self.index}]"


class Qcow2Image:
    """The header of a qcow2 image, and its snapshots, which are read on demand.

    Args:
        source: the image; stays open.

    Attributes:
        source: the image.
        header: the fields of the header.

    Raises:
        UnsupportedError: no qcow2 image of a version that QEMU reads, or with features that it does
            not know.
        TruncatedError: the file ends within the header.
        FormatError: a field has a value that QEMU refuses.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.header: Qcow2Header
        self.header, _ = _parsed(source, QCOW2_HEADER, 0, f"{PATH}/header", _HEADER_MAX)
        if self.extended_l2 and self.header["cluster_bits"] < _EXTENDED_BITS_MIN:
            raise _refused_bits(self.header["cluster_bits"])

    @property
    def features(self) -> IncompatibleFeature:
        """The incompatible features."""
        return IncompatibleFeature(self.header["incompatible_features"] or 0)

    @property
    def extended_l2(self) -> bool:
        """Whether L2 entries have a bitmap of subclusters."""
        return IncompatibleFeature.EXTL2 in self.features

    @property
    def cluster_size(self) -> int:
        """Bytes of a cluster."""
        return 1 << self.header["cluster_bits"]

    @property
    def subclusters(self) -> int:
        """Number of pieces of a cluster that are allocated separately."""
        return SUBCLUSTERS if self.extended_l2 else 1

    @property
    def l2_entry_size(self) -> int:
        """Bytes of an L2 entry."""
        return L2E_SIZE_EXTENDED if self.extended_l2 else L2E_SIZE_NORMAL

    @property
    def l2_size(self) -> int:
        """Number of entries in an L2 table."""
        return self.cluster_size // self.l2_entry_size

    @property
    def compression(self) -> Compression | None:
        """How compressed clusters are compressed; None if that is unknown."""
        if IncompatibleFeature.COMPRESSION not in self.features:
            return Compression.ZLIB
        kind = self.header["compression_type"]
        return Compression.ZSTD if kind == Compression.ZSTD else None

    def refuse_unreadable(self) -> None:
        """Refuse an image whose clusters cannot be read.

        Raises:
            UnsupportedError: they are encrypted, or in an external data file.
        """
        method = self.header["crypt_method"]
        if method != Crypt.NONE:
            name = Crypt(method).name if method in set(Crypt) else f"method {method}"
            raise UnsupportedError(
                f"the image is encrypted ({name}), and so is the VM state in it: decrypt it first,"
                " or load the snapshot in QEMU and save it again",
                offset=32,
                path=f"{PATH}/header/crypt_method",
                expected="0",
                actual=method,
            )
        if IncompatibleFeature.DATA_FILE in self.features:
            raise UnsupportedError(
                "the image has an external data file; QEMU neither makes nor loads internal"
                " snapshots of such a disk",
                offset=72,
                path=f"{PATH}/header/incompatible_features",
            )

    @cached_property
    def snapshots(self) -> tuple[InternalSnapshot, ...]:
        """All snapshots, in the order of the table.

        Raises:
            TruncatedError: the file ends within the table.
            FormatError: a field of the table has a value that QEMU refuses.
        """
        count, offset = self.header["nb_snapshots"], self.header["snapshots_offset"]
        if not count:
            return ()
        if offset % self.cluster_size:
            raise FormatError(
                f"snapshots_offset: expected a multiple of the cluster size, got {offset:#x}",
                offset=64,
                path=f"{PATH}/header/snapshots_offset",
                expected=f"a multiple of {self.cluster_size:#x}",
                actual=offset,
            )
        return tuple(self._snapshots(count, offset))

    def _snapshots(self, count: int, start: int) -> Iterator[InternalSnapshot]:
        offset = start
        for index in range(count):
            offset += -offset % _ENTRY_ALIGNMENT
            path = f"{PATH}/snapshots[{index}]"
            values, length = _parsed(
                self.source, QCOW2_SNAPSHOT, offset, path, _ENTRY_MAX, usual=_ENTRY_USUAL
            )
            yield self._snapshot(values, index, offset)
            offset += length
            if offset - start > QCOW_MAX_SNAPSHOTS_SIZE:
                raise FormatError(
                    f"the snapshot table has more than {QCOW_MAX_SNAPSHOTS_SIZE:#x} bytes, which"
                    " QEMU refuses",
                    offset=offset,
                    path=path,
                )

    def _snapshot(self, values: Qcow2Snapshot, index: int, offset: int) -> InternalSnapshot:
        large, disk_size, icount = (
            values["vm_state_size_large"],
            values["disk_size"],
            values["icount"],
        )
        return InternalSnapshot(
            index=index,
            offset=offset,
            id=values["id_str"].decode("utf-8", "surrogateescape"),
            name=values["name"].decode("utf-8", "surrogateescape"),
            date_sec=values["date_sec"],
            date_nsec=values["date_nsec"],
            vm_clock_nsec=values["vm_clock_nsec"],
            vm_state_size=values["vm_state_size"] if large is None else large,
            disk_size=self.header["size"] if disk_size is None else disk_size,
            icount=None if icount == UNKNOWN_ICOUNT else icount,
            l1_table_offset=values["l1_table_offset"],
            l1_size=values["l1_size"],
        )


def _parsed(
    source: Source, kind: Kind[T], offset: int, path: str, most: int, *, usual: int = 0
) -> tuple[T, int]:
    """Parse one structure of at most `most` bytes; try with `usual` bytes first."""
    driver = drivers.get("construct")
    for length in (usual, most):
        data = source.peek(offset, min(length, max(0, source.size - offset)))
        try:
            return driver.parse(kind, data, {})
        except RefusalError as refusal:
            if refusal.short and length < most:
                continue
            raise _error(refusal, offset, path, source.size) from refusal
    raise AssertionError("the last attempt returns or raises")


def _error(refusal: RefusalError, offset: int, path: str, size: int) -> FormatError:
    where, place = offset + refusal.start, f"{path}/{refusal.path}"
    if refusal.short:
        return TruncatedError(
            f"{refusal.path}: the image ends at {size:#x}, within {_WHERE[refusal.kind]}",
            offset=where,
            path=place,
        )
    refused = UnsupportedError if refusal.kind == QCOW2_HEADER else FormatError
    return refused(
        f"{refusal.path}: {refusal.actual!r} is no value that QEMU accepts in"
        f" {_WHERE[refusal.kind]}",
        offset=where,
        path=place,
        actual=refusal.actual,
    )


_WHERE = {
    QCOW2_HEADER: "the header of a qcow2 image",
    QCOW2_SNAPSHOT: "the snapshot table of a qcow2 image",
}


def _refused_bits(bits: int) -> UnsupportedError:
    return UnsupportedError(
        f"cluster_bits: {bits} is too few with extended L2 entries, which take"
        f" {_EXTENDED_BITS_MIN}",
        offset=20,
        path=f"{PATH}/header/cluster_bits",
        expected=f">= {_EXTENDED_BITS_MIN}",
        actual=bits,
    )
