"""Header, snapshot table, and entries of the L1 and L2 tables of a qcow2 disk image.

Fields have the names of the structures in QEMU's source. `spec/qcow2.ksy` declares the same, and
how one leads to the next. Numbers of refcounts, bitmaps and header extensions are not needed.
"""

from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Any

from construct import Bytes, If, Int8ub, Int16ub, Int32ub, Int64ub, this

from mappedram.format.declare import Valid, record
from mappedram.format.validity import AtLeast, AtMost, Between, Equals, OneOf

#: Source: QEMU block/qcow2.h, QCOW_MAGIC.
QCOW_MAGIC = b"QFI\xfb"
#: Limits of QEMU. Source: block/qcow2.h, block/qcow2.c, qcow2_do_open().
MIN_CLUSTER_BITS, MAX_CLUSTER_BITS = 9, 21
QCOW_MAX_L1_SIZE = 32 << 20
QCOW_MAX_SNAPSHOTS = 65536
QCOW_MAX_SNAPSHOTS_SIZE = 1024 * QCOW_MAX_SNAPSHOTS
QCOW_MAX_SNAPSHOT_EXTRA_DATA = 1024
#: Bytes of an L1 entry.
L1E_SIZE = 8
L2E_SIZE_NORMAL, L2E_SIZE_EXTENDED = 8, 16
#: Subclusters of a cluster, with extended L2 entries.
SUBCLUSTERS = 32
#: Bytes that the lengths of compressed clusters count in.
COMPRESSED_SECTOR_SIZE = 512

#: Bits of an entry that hold an offset. Source: QEMU block/qcow2.h, L1E_OFFSET_MASK.
OFFSET_MASK = 0x00FF_FFFF_FFFF_FE00
#: Source: QEMU block/qcow2.h, QCOW_OFLAG_COMPRESSED and QCOW_OFLAG_ZERO.
COMPRESSED, ZERO = 1 << 62, 1
#: `vm_clock_nsec` and `icount` where QEMU knows none.
UNKNOWN_ICOUNT = (1 << 64) - 1


class IncompatibleFeature(IntFlag):
    """Bits of `incompatible_features`. Source: QEMU block/qcow2.h, QCOW2_INCOMPAT_DIRTY etc."""

    DIRTY = 1
    CORRUPT = 2
    DATA_FILE = 4
    COMPRESSION = 8
    EXTL2 = 0x10


class Crypt(IntEnum):
    """Values of `crypt_method`. Source: QEMU block/qcow2.h."""

    NONE = 0
    AES = 1
    LUKS = 2


class Compression(IntEnum):
    """Values of `compression_type`. Source: QEMU qapi/block-core.json, Qcow2CompressionType."""

    ZLIB = 0
    ZSTD = 1


_L1_SIZE = Valid(Int32ub, AtMost(QCOW_MAX_L1_SIZE // L1E_SIZE))
#: The version with features, and the size of its header without additional fields.
_NEWER, _HEADER_LENGTH_MIN = 3, 104
#: Bytes of each field of the extra data.
_EXTRA_FIELD = 8


def _is_3(context: Any) -> bool:
    return bool(context.version == _NEWER)


Qcow2Header = record(
    "qcow2_header",
    magic=Valid(Bytes(len(QCOW_MAGIC)), Equals(QCOW_MAGIC)),
    version=Valid(Int32ub, OneOf((2, 3))),
    backing_file_offset=Int64ub,
    backing_file_size=Int32ub,
    cluster_bits=Valid(Int32ub, Between(MIN_CLUSTER_BITS, MAX_CLUSTER_BITS)),
    size=Int64ub,
    crypt_method=Int32ub,
    l1_size=_L1_SIZE,
    l1_table_offset=Int64ub,
    refcount_table_offset=Int64ub,
    refcount_table_clusters=Int32ub,
    nb_snapshots=Valid(Int32ub, AtMost(QCOW_MAX_SNAPSHOTS)),
    snapshots_offset=Int64ub,
    incompatible_features=If(_is_3, Valid(Int64ub, AtMost(sum(IncompatibleFeature)))),
    compatible_features=If(_is_3, Int64ub),
    autoclear_features=If(_is_3, Int64ub),
    refcount_order=If(_is_3, Valid(Int32ub, AtMost(6))),
    header_length=If(_is_3, Valid(Int32ub, AtLeast(_HEADER_LENGTH_MIN))),
    compression_type=If(
        lambda context: _is_3(context) and context.header_length > _HEADER_LENGTH_MIN, Int8ub
    ),
)


def _has(number: int) -> Callable[[Any], bool]:
    """Condition: the extra data has its first `number` fields."""
    return lambda context: bool(context.extra_data_size >= number * _EXTRA_FIELD)


def _unknown(context: Any) -> int:
    """Bytes of the extra data that have no field."""
    size = int(context.extra_data_size)
    return size - min(size // _EXTRA_FIELD, 3) * _EXTRA_FIELD


Qcow2Snapshot = record(
    "qcow2_snapshot",
    l1_table_offset=Int64ub,
    l1_size=_L1_SIZE,
    id_str_size=Int16ub,
    name_size=Int16ub,
    date_sec=Int32ub,
    date_nsec=Int32ub,
    vm_clock_nsec=Int64ub,
    vm_state_size=Int32ub,
    extra_data_size=Valid(Int32ub, AtMost(QCOW_MAX_SNAPSHOT_EXTRA_DATA)),
    vm_state_size_large=If(_has(1), Int64ub),
    disk_size=If(_has(2), Int64ub),
    icount=If(_has(3), Int64ub),
    unknown_extra_data=Bytes(_unknown),
    id_str=Bytes(this.id_str_size),
    name=Bytes(this.name_size),
)

Qcow2L1Entry = record("qcow2_l1_entry", l1_entry=Int64ub)

Qcow2L2Entry = record(
    "qcow2_l2_entry", l2_entry=Int64ub, subclusters=If(this._params.is_extended, Int64ub)
)
