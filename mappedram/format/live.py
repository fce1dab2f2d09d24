"""Records of live devices other than RAM; no JSON text describes these payloads."""

from collections.abc import Callable
from typing import Any

from construct import Bytes, If, Int8ub, Int16ub, Int32ub, Int64ub, StringEncoded, this

from mappedram.format.constants import (
    DIRTY_BITMAP_BITMAP_NAME,
    DIRTY_BITMAP_BITS,
    DIRTY_BITMAP_DEVICE_NAME,
    DIRTY_BITMAP_START,
    DIRTY_BITMAP_ZEROES,
    STATTR_FLAG_MASK,
    STATTR_FLAG_MORE,
    VFIO_MIG_FLAG_DEV_DATA_STATE,
    VFIO_MIG_FLAG_FIRST,
    VFIO_MIG_FLAG_HIGH,
    VFIO_MIG_FLAG_LAST,
)
from mappedram.format.declare import Valid, record
from mappedram.format.stream import ENCODING
from mappedram.format.validity import AtMost, Between, Equals

#: The top bit would announce a longer form, which QEMU does not use.
_FLAGS_MAX = 0x7F


def _with(flag: int) -> Callable[[Any], bool]:
    """Condition: the chunk has the flag."""
    return lambda context: bool(context.chunk_flags & flag)


def _has_bits(context: Any) -> bool:
    both = DIRTY_BITMAP_BITS | DIRTY_BITMAP_ZEROES
    return bool(context.chunk_flags & both == DIRTY_BITMAP_BITS)


DirtyBitmapChunk = record(
    "dirty_bitmap_chunk",
    chunk_flags=Valid(Int8ub, AtMost(_FLAGS_MAX)),
    len_node_name=If(_with(DIRTY_BITMAP_DEVICE_NAME), Int8ub),
    node_name=If(
        _with(DIRTY_BITMAP_DEVICE_NAME), StringEncoded(Bytes(this.len_node_name), ENCODING)
    ),
    len_bitmap_name=If(_with(DIRTY_BITMAP_BITMAP_NAME), Int8ub),
    bitmap_name=If(
        _with(DIRTY_BITMAP_BITMAP_NAME), StringEncoded(Bytes(this.len_bitmap_name), ENCODING)
    ),
    granularity=If(_with(DIRTY_BITMAP_START), Int32ub),
    bitmap_flags=If(_with(DIRTY_BITMAP_START), Int8ub),
    first_sector=If(_with(DIRTY_BITMAP_BITS), Int64ub),
    nr_sectors=If(_with(DIRTY_BITMAP_BITS), Int32ub),
    buf_size=If(_has_bits, Int64ub),
)

HtabHeader = record("htab_header", section_hdr=Int32ub)

HtabChunk = record("htab_chunk", index=Int32ub, n_valid=Int16ub, n_invalid=Int16ub)

StorageAttributes = record(
    "storage_attributes",
    addr_and_flags=Int64ub,
    count=If(
        lambda context: context.addr_and_flags & STATTR_FLAG_MASK == STATTR_FLAG_MORE, Int64ub
    ),
)

VfioRecord = record(
    "vfio_record",
    tag_high=Valid(Int32ub, Equals(VFIO_MIG_FLAG_HIGH)),
    tag=Valid(Int32ub, Between(VFIO_MIG_FLAG_FIRST, VFIO_MIG_FLAG_LAST)),
    data_size=If(lambda context: context.tag == VFIO_MIG_FLAG_DEV_DATA_STATE, Int64ub),
)
