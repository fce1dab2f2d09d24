"""Memory of devices: virtio-mem, whose state has its address, and DIMMs, which have no state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from mappedram.format.arithmetic import round_up
from mappedram.guest.machine import owned_backends
from mappedram.guest.physical.ranges import Range
from mappedram.guest.physical.rules import DIMM_ALIGNMENT, MIB
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.model import RamBlock
from mappedram.stream.vmstate import LeftOut

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot
    from mappedram.stream.vmstate import DeviceState

_EARLY = "virtio-mem-device-early"
#: The device's own section, which has all of its state on machine types before 8.0.
_DEVICE = "virtio-mem"
_NVDIMM_BASIS = "SRAT in the ACPI tables: an NVDIMM"
#: Address, region_size, block_size, node, usable_region_size, size, requested_size; the bitmap
#: follows.
_STATE = Struct(">QQQIQQQ")
#: Size of label areas in use, and the alignment of memory.
_LABEL_MAX = 4 * MIB
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
        if block is not None and name == _EARLY:
            yield _plugged(device, block, _early(device))
        elif block is not None and name == _DEVICE and f"{address}/{_EARLY}" not in snapshot.state:
            yield _plugged(device, block, _late(device, block))


@dataclass(frozen=True, slots=True)
class _State:
    """The numbers of a device; None if unknown. `words` are the bitmap."""

    gpa: int | None
    size: int | None
    unit: int | None
    plugged: int | None
    words: object


def _early(device: "DeviceState") -> _State:
    paths = ("tmp.addr", "tmp.region_size", "tmp.block_size", "size")
    gpa, size, unit, plugged = (_number(device, path) for path in paths)
    return _State(gpa, size, unit, plugged, device.get("bitmap"))


def _late(device: "DeviceState", block: RamBlock) -> _State:
    """The state within that of virtio, whose parts before it differ in length.

    It is recognised by the length of the block, and must add up. Source: QEMU
    hw/virtio/virtio-mem.c, vmstate_virtio_mem_device.
    """
    data = device.get("virtio")
    found = list(_states(data, block.used_length)) if isinstance(data, bytes) else []
    return found[0] if len(found) == 1 else _State(None, None, None, None, None)


def _states(data: bytes, size: int) -> Iterator[_State]:
    """All states of a device of `size` bytes in `data`."""
    place = data.find(size.to_bytes(8, "big"), 8)
    while place >= 0:
        start = place - 8
        if start + _STATE.size <= len(data):
            gpa, _, unit, _, usable, plugged, requested = _STATE.unpack_from(data, start)
            if unit and not any(one % unit for one in (gpa, size, usable, plugged, requested)):
                end = start + _STATE.size + 8 * -(-size // unit // 64)
                words = [
                    int.from_bytes(data[at : at + 8], "big")
                    for at in range(start + _STATE.size, end, 8)
                ]
                fits = plugged <= usable <= size and end <= len(data)
                if fits and sum(word.bit_count() for word in words) * unit == plugged:
                    yield _State(gpa, size, unit, plugged, words)
        place = data.find(size.to_bytes(8, "big"), place + 1)


def _plugged(
    device: "DeviceState", block: RamBlock, state: _State
) -> tuple[tuple[int, int], list[Range], str]:
    basis = f"state of {device.idstr!r}"
    gpa, size, unit = state.gpa, state.size, state.unit
    if _is_left_out(device):
        doubt = f"the address of {block.idstr!r} and its plugged parts: the metadump left out"
        return (0, 0), [], f"{doubt} the {basis}"
    if gpa is None or size != block.used_length or not unit or size % unit:
        return (0, 0), [], f"the address of {block.idstr!r}: the {basis} is invalid"
    whole = Range(gpa, size, block.idstr, 0, True, basis, False)
    bitmap = _bitmap(state.words, size // unit)
    if bitmap is None or bitmap.count() * unit != state.plugged:
        doubt = f"the plugged parts of {block.idstr!r}: the {basis} is invalid"
        return (gpa, size), [whole], doubt
    runs = bitmap.runs()
    if len(runs) > _PIECES_MAX:
        doubt = f"the plugged parts of {block.idstr!r}: {len(runs)} are too many"
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


def nvdimms(
    blocks: Sequence[RamBlock], places: Sequence[tuple[int, int]]
) -> Iterator[tuple[RamBlock, Range]]:
    """Find the block of each NVDIMM of the ACPI tables; none for places that several blocks fit.

    A label area and alignment make the memory shorter than its block. Source: QEMU
    hw/acpi/nvdimm.c, nvdimm_build_srat(); hw/mem/nvdimm.c, nvdimm_prepare_memory_region().

    Args:
        blocks: blocks that may be NVDIMMs.
        places: addresses and sizes by the tables.
    """
    for gpa, size in places:
        fitting = [block for block in blocks if 0 <= block.used_length - size <= _LABEL_MAX]
        if len(fitting) == 1 and sum(one == size for _, one in places) == 1:
            block = fitting[0]
            yield block, Range(gpa, size, block.idstr, 0, True, _NVDIMM_BASIS, True)


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
