"""Memory of devices: virtio-mem, whose state has its address, and DIMMs, which have no state."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mappedram.format.arithmetic import round_up
from mappedram.guest.machine import owned_backends
from mappedram.guest.physical.ranges import Range
from mappedram.guest.physical.rules import DIMM_ALIGNMENT
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.model import RamBlock
from mappedram.stream.vmstate import LeftOut

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot
    from mappedram.stream.vmstate import DeviceState

_EARLY = "virtio-mem-device-early"
#: Maximum number of plugged-in pieces that are listed; a device has one bit for each 2 MiB.
_PIECES_MAX = 1 << 16


def virtio_mem(snapshot: "OpenSnapshot") -> Iterator[tuple[tuple[int, int], list[Range], str]]:
    """For each virtio-mem device: its addresses, the plugged-in ranges, and a doubt or "".

    Source: QEMU hw/virtio/virtio-mem.c, vmstate_virtio_mem_device_early.
    """
    owned = {address: block for address, _, block in owned_backends(snapshot.stream)}
    for device in snapshot.state:
        address, _, name = device.idstr.rpartition("/")
        block = owned.get(address)
        if name == _EARLY and block is not None:
            yield _plugged(device, block)


def _plugged(device: "DeviceState", block: RamBlock) -> tuple[tuple[int, int], list[Range], str]:
    basis = f"state of {device.idstr!r}"
    gpa, size, unit, plugged = (
        _number(device, path) for path in ("tmp.addr", "tmp.region_size", "tmp.block_size", "size")
    )
    words = device.get("bitmap")
    if _is_left_out(device):
        doubt = (
            f"where {block.idstr!r} is, and which parts are plugged in: the {basis} was left out"
        )
        return (0, 0), [], f"{doubt} of the metadump"
    if gpa is None or size != block.used_length or not unit or size % unit:
        return (0, 0), [], f"where {block.idstr!r} is: the {basis} makes no sense"
    whole = Range(gpa, size, block.idstr, 0, True, basis, False)
    bitmap = _bitmap(words, size // unit)
    if bitmap is None or bitmap.count() * unit != plugged:
        doubt = f"which parts of {block.idstr!r} are plugged in: the {basis} makes no sense"
        return (gpa, size), [whole], doubt
    runs = bitmap.runs()
    if len(runs) > _PIECES_MAX:
        doubt = f"which parts of {block.idstr!r} are plugged in: there are {len(runs)} of them"
        return (gpa, size), [whole], doubt
    ranges = [
        Range(
            gpa + first * unit, (last - first) * unit, block.idstr, first * unit, True, basis, True
        )
        for first, last in runs.tolist()
    ]
    return (gpa, size), ranges, ""


def _is_left_out(device: "DeviceState") -> bool:
    return any(isinstance(leaf.value, LeftOut) for _, leaf in device.leaves())


def _number(device: "DeviceState", path: str) -> int | None:
    value = device.get(path)
    return value if isinstance(value, int) else None


def _bitmap(words: object, num_bits: int) -> Bitmap | None:
    """Bitmap from u64 words; None if malformed."""
    if not isinstance(words, list) or len(words) != -(-num_bits // 64):
        return None
    if not all(isinstance(word, int) and 0 <= word < 1 << 64 for word in words):
        return None
    data = b"".join(word.to_bytes(8, "little") for word in words)
    return Bitmap(data, num_bits)


def dimms(
    blocks: Sequence[RamBlock], base: int, limit: int | None, taken: Sequence[tuple[int, int]]
) -> Iterator[Range]:
    """Place DIMMs as QEMU places those without an address: each at the first free address.

    Source: QEMU hw/mem/memory-device.c, memory_device_get_free_addr().

    Args:
        blocks: blocks that may be DIMMs, in the order in which they are plugged in.
        base: start of the device memory.
        limit: its end, if known; blocks that do not fit are left out.
        taken: addresses and sizes that are already in use, in any order.
    """
    basis = "rule: a DIMM is at the first free address"
    at = round_up(base, DIMM_ALIGNMENT)
    held = sorted((gpa, gpa + size) for gpa, size in taken)
    for block in blocks:
        for start, end in held:
            if start < at + block.used_length and end > at:
                at = round_up(end, DIMM_ALIGNMENT)
        if limit is None or at + block.used_length <= limit:
            yield Range(at, block.used_length, block.idstr, 0, True, basis, False)
            at = round_up(at + block.used_length, DIMM_ALIGNMENT)
