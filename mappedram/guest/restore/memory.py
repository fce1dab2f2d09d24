"""Blocks of guest memory, and the options that create them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappedram.errors import MappedRamError
from mappedram.guest.machine import backend_id, backends_of, owned_backends
from mappedram.guest.physical.cmos import cmos_of, total_of
from mappedram.guest.physical.main_memory import Main, main_memory
from mappedram.guest.physical.srat import TABLES, Srat, srat_of
from mappedram.guest.restore.items import Item
from mappedram.guest.restore.parts import Part, Workshop
from mappedram.stream.model import RamBlock

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

_GIB = 1 << 30
#: Stands for the folder of a file with shared memory.
_SHARED = "/path/of/shared"
#: Blocks of devices, whatever their names look like.
_OF_DEVICES = frozenset(
    ["tpm-crb-cmd", "tpm-ppi", "vmclock_page", "vmsvga.fifo", "vga.vram", "mach-virt.tag"]
)


@dataclass(frozen=True, slots=True)
class MemoryOptions:
    """The options for memory.

    Attributes:
        machine: properties to add to `-machine`.
        parts: the options themselves.
        spare: blocks of backends that are not main memory.
        doubts: guesses about them, as sentences.
    """

    machine: tuple[str, ...]
    parts: tuple[Part, ...]
    spare: tuple[RamBlock, ...]
    doubts: tuple[str, ...]


def memory_of(
    snapshot: "OpenSnapshot", ram_id: str | None, shop: Workshop, fixed: frozenset[str]
) -> MemoryOptions:
    """The options for main memory.

    Args:
        snapshot: the file.
        ram_id: name of the RAM block that `-m` sizes; None if unknown.
        shop: loses the items that are covered.
        fixed: names of the blocks that the machine has by itself.
    """
    if ram_id is None and fixed:
        return MemoryOptions((), (), (), ())
    if ram_id is None:
        return MemoryOptions((), (), (), ("the RAM blocks, and so the options -m and -object",))
    own = [block for block in snapshot.stream.blocks if block.idstr == ram_id]
    backends = [
        block
        for block in backends_of(snapshot.stream, ram_id)
        if backend_id(block) not in _OF_DEVICES | fixed
    ]
    srat = srat_of(snapshot)
    cmos = cmos_of(snapshot)
    total = total_of(cmos) if cmos is not None else None
    main = main_memory(own, backends, srat.node_sizes if srat else (), total)
    if not main.total:
        return MemoryOptions((), (), main.others, ())
    size = size_option(main.total) + _pluggable(snapshot, main, srat)
    if own and snapshot.block[own[0].idstr].has_pages:
        covers = shop.remaining.take_these([Item("block", own[0].idstr)])
        return MemoryOptions((), (Part(("-m", size), covers),), main.others, ())
    return _of_backends(snapshot, main, size, shop)


def _of_backends(snapshot: "OpenSnapshot", main: Main, size: str, shop: Workshop) -> MemoryOptions:
    """Main memory that consists of memory backends."""
    parts = [Part(("-m", size))]
    for block in main.blocks:
        covers = shop.remaining.take_these([Item("block", block.idstr)])
        parts.append(backend_part(snapshot, block, covers))
    if len(main.blocks) == 1:
        backend = f"memory-backend={escaped(backend_id(main.blocks[0]))}"
        return MemoryOptions((backend,), tuple(parts), main.others, main.doubts)
    names = [escaped(backend_id(block)) for block in main.blocks]
    parts += [Part(("-numa", f"node,memdev={name}")) for name in names]
    doubts = (*main.doubts, "the NUMA nodes of the CPUs (-numa cpu)")
    return MemoryOptions((), tuple(parts), main.others, doubts)


def _pluggable(snapshot: "OpenSnapshot", main: Main, srat: Srat | None) -> str:
    """The rest of `-m` where memory can be plugged in: enough for what was."""
    owned = [block for _, _, block in owned_backends(snapshot.stream)]
    slots = _slots(snapshot)
    plugged = main.others if slots is None or slots else ()
    slots = len(plugged) if slots is None else slots
    if not slots and not owned:
        return ""
    needed = sum(block.used_length for block in (*plugged, *owned))
    window = sum(size for _, size in srat.hotplug) if srat else 0
    # Each slot makes the window 1 GiB larger. Source: QEMU hw/i386/pc.c, pc_memory_init().
    needed = max(needed, window - slots * _GIB, _LEAST)
    given = f",slots={slots}" if slots else ""
    return f"{given},maxmem={size_option(main.total + needed)}"


#: Least memory that can be plugged in where there are slots.
_LEAST = 1 << 21
#: Devices whose state has one element for each slot of DIMMs, and the path of these elements.
#: Source: QEMU hw/acpi/memory_hotplug.c, vmstate_memory_hotplug.
_SLOTS = (
    ("piix4_pm", "piix4_pm/memhp.acpi_memory_hotplug.devs"),
    ("ICH9LPC", "pm.ich9_pm/memhp.acpi_memory_hotplug.devs"),
    ("acpi-ged", "acpi-ged/memhp.memhp_state.devs"),
)


def _slots(snapshot: "OpenSnapshot") -> int | None:
    """Number of slots for DIMMs, on which the layout of a state depends; None if unknown."""
    for device in snapshot.state:
        for name, path in _SLOTS:
            if device.idstr.rpartition("/")[2] == name and snapshot.state.problem is None:
                found = device.get(path)
                return len(found) if isinstance(found, list) else 0
    return None


#: Signature of the ACPI table that lists NVDIMMs, and the size of the tables that is looked at.
_NFIT, _TABLES_MAX = b"NFIT", 1 << 24


def has_nvdimms(snapshot: "OpenSnapshot") -> bool:
    """Whether the machine had NVDIMMs: QEMU makes a table of them (hw/acpi/nvdimm.c)."""
    block = snapshot.block.get(TABLES)
    try:
        return block is not None and _NFIT in block.read(0, min(block.used_length, _TABLES_MAX))
    except MappedRamError:
        return False


def backend_part(snapshot: "OpenSnapshot", block: RamBlock, covers: tuple[Item, ...]) -> Part:
    """The option that creates a memory backend; a shared one if the file leaves out its memory."""
    name = backend_id(block)
    if snapshot.block[block.idstr].has_pages:
        return Part(("-object", backend_option(name, block.used_length)), covers)
    # QEMU leaves out blocks that are shared and have a file.
    option = f"memory-backend-file,id={escaped(name)},size={size_option(block.used_length)}"
    note = (
        f"the contents of block {block.idstr!r}, which are not in the snapshot: {_SHARED} stands"
        " for the folder of the file that the guest shared"
    )
    # QEMU creates a missing file, whose memory is zero; a missing folder is an error.
    path = escaped(f"{_SHARED}/{name.replace('/', '-')}")
    return Part(("-object", f"{option},share=on,mem-path={path}"), covers, (note,))


def dimm_parts(snapshot: "OpenSnapshot", shop: Workshop) -> Iterator[Part]:
    """DIMMs for the memory backends that no other device takes."""
    persistent = has_nvdimms(snapshot)
    for number, block in enumerate(shop.spare):
        covers = shop.remaining.take_these([Item("block", block.idstr)])
        if not covers:
            continue
        made = backend_part(snapshot, block, covers)
        name = escaped(backend_id(block))
        kind = "nvdimm" if persistent else "pc-dimm"
        note = (
            f"the device of block {block.idstr!r} of {size_option(block.used_length)}: a DIMM,"
            " an NVDIMM or another, and its address"
        )
        device = ("-device", f"{kind},id=dimm{number},memdev={name}")
        yield Part((*made.argv, *device), covers, (*made.notes, note))


def backend_option(name: str, length: int) -> str:
    """The value of -object that creates a block of that name."""
    return f"memory-backend-ram,id={escaped(name)},size={size_option(length)}"


def size_option(length: int) -> str:
    """A size as an exact value for QEMU's options."""
    for shift, suffix in ((30, "G"), (20, "M"), (10, "K")):
        if length and length % (1 << shift) == 0:
            return f"{length >> shift}{suffix}"
    return str(length)


def escaped(text: str) -> str:
    """Escape a value for an option of QEMU: a comma ends it, so commas are doubled."""
    return text.replace(",", ",,")
