"""Options for the devices whose sections have no address, only a number."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mappedram.guest.restore.items import Item
from mappedram.guest.restore.kinds import LOOSE_KINDS, LooseKind
from mappedram.guest.restore.parts import DeviceOption, Part, Workshop

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

_BACKEND = re.compile(r"\{(\w+)\}")
#: Devices that others refer to, and so stand first.
_FIRST = frozenset(("iommu-intel", "amd-iommu"))
#: RAM blocks of such devices, by the name of the section.
_BLOCKS = {
    "tpm-crb": ("tpm-crb-cmd", "tpm-ppi"),
    "tpm-tis": ("tpm-ppi",),
    "vmclock": ("vmclock_page",),
    "vga": ("vga.vram",),
    "vga-isa": ("vga.vram",),
    "cirrus_vga": ("vga.vram",),
}
#: Sections of an accelerator.
_OF_KVM = ("kvmclock", "kvm-clock")


def first_parts(shop: Workshop, arch: str | None) -> Iterator[Part]:
    """Devices that stand before all others."""
    for kind in LOOSE_KINDS:
        if kind.state in _FIRST:
            yield from _parts(kind, shop, arch)


def loose_parts(snapshot: "OpenSnapshot", shop: Workshop, arch: str | None) -> Iterator[Part]:
    """The other devices without an address.

    Args:
        snapshot: the file.
        shop: loses the items that are covered.
        arch: the emulator.
    """
    for kind in LOOSE_KINDS:
        yield from _parts(kind, shop, arch, snapshot)
    while slirp := shop.remaining.take_first("slirp"):
        note = "the device that used this network"
        yield Part(("-netdev", f"user,id={shop.name('net')}"), slirp, (note,))
    covers = shop.remaining.take(lambda item: item.idstr in _OF_KVM)
    if covers:
        yield Part(("-accel", "kvm"), covers)


def _parts(
    kind: LooseKind, shop: Workshop, arch: str | None, snapshot: "OpenSnapshot | None" = None
) -> Iterator[Part]:
    if kind.archs and arch not in kind.archs:
        return
    while covers := shop.remaining.take_first(kind.state):
        yield _part(kind, covers, shop, snapshot)


def _part(
    kind: LooseKind, covers: tuple[Item, ...], shop: Workshop, snapshot: "OpenSnapshot | None"
) -> Part:
    device, *properties = kind.option.split(",")
    draft = DeviceOption(shop, device)
    draft.cover(covers)
    for idstr in kind.beside:
        draft.cover(shop.remaining.take_first(idstr))
    blocks = [Item("block", name) for name in _BLOCKS.get(kind.state, ())]
    draft.cover(shop.remaining.take_these(blocks))
    if kind.state == "sd-card" and snapshot:
        card = _card(snapshot, covers[0].instance_id)
        if card is not None:
            draft.device, draft.options["disk size"] = card
    for name, _, value in (one.partition("=") for one in properties):
        backend = _BACKEND.fullmatch(value)
        given = draft.backend(backend[1]) if backend else value
        if given is not None:
            draft.options[name] = given
    if kind.note:
        draft.notes.append(kind.note)
    return draft.part()


_CSD_LENGTH = 16
#: Value of CSD_STRUCTURE of an eMMC, and of a card with a 22-bit size; largest 12-bit size.
_EMMC, _LARGE, _SIZE_MAX = 3, 1, 0xFFF
#: Bytes that one bit of the bitmap of write protection stands for, and bits of an element.
_GROUP, _ELEMENT = 1 << 21, 64
_SMALL = 2 << 30


def _card(snapshot: "OpenSnapshot", instance_id: int) -> tuple[str, str] | None:
    """Device and bytes of a card, on which the layout of its state depends; None if unknown.

    Both are in its register CSD; the size of a large eMMC is that of its bitmap.

    Source: SD Physical Layer Specification 9.00, 5.3; QEMU hw/sd/sd.c, sd_set_csd() and
    emmc_set_csd().
    """
    key = ("sd-card", instance_id)
    if key not in snapshot.state:
        return None
    card = snapshot.state[key]
    csd, groups = card.get("csd"), card.get("wp_group_bmap")
    octets = [one for one in csd if isinstance(one, int)] if isinstance(csd, list) else []
    if len(octets) != _CSD_LENGTH:
        return None
    bits = int.from_bytes(bytes(octets), "big")
    kind, size = bits >> 126, bits >> 62 & _SIZE_MAX
    if kind == _LARGE:
        return "sd-card", str(((bits >> 48 & 0x3FFFFF) + 1) << 19)
    if kind == _EMMC and size == _SIZE_MAX and isinstance(groups, list):
        most = (len(groups) * _ELEMENT - 1) * _GROUP
        # A small one has a power of two.
        return "emmc", str(most if most > _SMALL else 1 << most.bit_length() - 1)
    shift = (bits >> 80 & 0xF) + (bits >> 47 & 0x7) + 2
    return "emmc" if kind == _EMMC else "sd-card", str((size + 1) << shift)
