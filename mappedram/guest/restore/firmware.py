"""Options for firmware, of which the file has the contents but not the name of its file."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from mappedram.errors import MappedRamError
from mappedram.guest.restore.items import Item
from mappedram.guest.restore.parts import Part, Workshop

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

_K = 1 << 10


class _Firmware(NamedTuple):
    """A block with firmware.

    Attributes:
        idstr: name of the block.
        option: the option that names a file, which is `{}`.
        usual: sizes of the firmware that QEMU takes by itself, and the machines that do.
        sections: names of a section that belongs to the file.
    """

    idstr: str
    option: tuple[str, str]
    usual: tuple[tuple[str, tuple[int, ...]], ...] = ()
    sections: tuple[str, ...] = ()


_FLASH = "if=pflash,format=raw,unit={unit}{more},file={{}}"
_BIOS = (
    (r"(pc|q35)(-.*)?", (256 * _K,)),
    (r"isapc", (128 * _K,)),
    (r"microvm", (64 * _K, 128 * _K)),
)
_FIRMWARE = (
    _Firmware("pc.bios", ("-bios", "{}"), _BIOS),
    *(
        _Firmware(
            f"{board}.flash{unit}",
            ("-drive", _FLASH.format(unit=unit, more=more)),
            ((r"virt(-.*)?", ()),) if board == "virt" else (),
            ("pflash_cfi01",) if board == "system" else (),
        )
        for board in ("system", "virt")
        for unit, more in ((0, ",readonly=on"), (1, ""))
    ),
)


def firmware_parts(
    snapshot: "OpenSnapshot", shop: Workshop, source: tuple[str, ...] | None
) -> Iterator[Part]:
    """Options for firmware that QEMU does not take by itself, with its contents from the file.

    Args:
        snapshot: the file.
        shop: gets the commands that write the contents to files.
        source: the end of these commands, which names the file; None if it has no contents.
    """
    machine = snapshot.stream.machine or ""
    for row in _FIRMWARE:
        block = snapshot.block.get(row.idstr)
        if block is None or _is_usual(row, machine, block.used_length, snapshot):
            continue
        name = row.idstr.replace("/", "-")
        covers = shop.remaining.take_these([Item("block", row.idstr)])
        for section in row.sections:
            covers += shop.remaining.take_first(section)
        if source is not None:
            extract = ("mappedram", "extract", "-b", row.idstr, "-o", name, *source)
            shop.prepare.append(extract)
        note = f"its file, which may be newer than its contents here, {block.used_length} bytes"
        yield Part((row.option[0], row.option[1].format(name)), covers, (note,))


def _is_usual(row: _Firmware, machine: str, length: int, snapshot: "OpenSnapshot") -> bool:
    """Whether QEMU makes such a block without an option: of that size, or an empty flash."""
    for pattern, sizes in row.usual:
        if re.fullmatch(pattern, machine):
            return length in sizes if sizes else not _is_flashed(row, snapshot)
    return not machine


def _is_flashed(row: _Firmware, snapshot: "OpenSnapshot") -> bool:
    """Whether a flash has contents, or an Arm machine a device that it has only with firmware.

    Source: QEMU hw/arm/virt.c, machvirt_init(): aarch64 && firmware_loaded.
    """
    on_arm = "mach-virt.ram" in snapshot.block or "arm_gic" in _sections(snapshot)
    with_firmware = on_arm and "acpi-ged" in _sections(snapshot)
    return _has_data(snapshot, row.idstr) or (with_firmware and row.idstr == "virt.flash0")


def _sections(snapshot: "OpenSnapshot") -> set[str | None]:
    return {section.idstr for section in snapshot.sections}


def _has_data(snapshot: "OpenSnapshot", idstr: str) -> bool:
    block = snapshot.block[idstr]
    try:
        return block.has_pages and bool(block.bitmap.count())
    except MappedRamError:
        return False
