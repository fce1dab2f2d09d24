"""Options for the devices on a bus, where the names of their sections have an address."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mappedram.errors import MappedRamError
from mappedram.format.constants import SectionType
from mappedram.guest.restore import pci as pci_space
from mappedram.guest.restore.items import Item
from mappedram.guest.restore.kinds import (
    PCI_KINDS,
    USB_KINDS,
    VIRTIO_KINDS,
    PciKind,
    VirtioKind,
)
from mappedram.guest.restore.parts import DeviceOption, Part, Workshop
from mappedram.guest.restore.pci import VENDOR, PciConfig
from mappedram.guest.restore.places import ROOT, BusPlace, place_of
from mappedram.guest.restore.traits import TRAITS, Seen
from mappedram.guest.restore.virtio import VirtioState, virtio_state
from mappedram.io.spans import without
from mappedram.stream.model import Section

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

#: Bytes of a state that are looked at.
_STATE_MAX = 1 << 18
#: Version at the start of a PCI device. Source: QEMU hw/pci/pci.c, vmstate_pci_device.
_PCI_VERSION = (2).to_bytes(4, "big")
#: First ID of the devices of VIRTIO 1.0.
_MODERN = 0x1040
#: Options for features of all virtio devices.
_RING_FEATURES = ((33, "iommu_platform=on"), (34, "packed=on"))
#: Devices without a section of their own, by the name of a block; and their further sections.
_BY_BLOCK = {"ati-vga.rom": ("ati-vga", ("i2c-ddc", "i2c_bus"))}
#: Blocks of a device whose names have no address, by the name of its state.
_LOOSE_BLOCKS = {"vmware_vga": ("vmsvga.fifo",)}
#: Where virtio-mmio transports begin, and their distance, by the start of their address.
_MMIO = (
    (0x0A000000, 0x200),  # arm virt
    (0xFEB00000, 0x200),  # microvm
    (0x10001000, 0x1000),  # riscv virt
    (0xFF010000, 0x200),  # m68k virt
    (0x97000000, 0x200),  # or1k virt
)
_MMIO_SLOTS = 128


def bus_parts(snapshot: "OpenSnapshot", shop: Workshop, root_bus: str) -> Iterator[Part]:
    """The options for all devices on buses, controllers before what hangs on them.

    Args:
        snapshot: the file.
        shop: loses the items that are covered.
        root_bus: name of the machine's PCI bus.
    """
    yield from _Buses(snapshot, shop, root_bus).parts()


class _Buses:
    """The devices of a file by their addresses."""

    def __init__(self, snapshot: "OpenSnapshot", shop: Workshop, root_bus: str) -> None:
        self.snapshot = snapshot
        self.shop = shop
        self.root_bus = root_bus
        self.sections = {
            section.idstr: section
            for section in snapshot.sections
            if section.type == SectionType.FULL and section.idstr
        }
        self.items: dict[BusPlace, list[Item]] = {}
        for item in shop.remaining:
            place = place_of(item.path)
            if place is not None:
                self.items.setdefault(place, []).append(item)
        self.blocks = {block.idstr: block for block in snapshot.stream.blocks}
        self.slots: dict[str, dict[str, str]] = {}
        self.disks: dict[str, list[Item]] = {}
        for place, items in self.items.items():
            if place.bus == "pci":
                known = self.slots.setdefault(place.slot, {})
                known |= {item.name: place.id for item in items}
            self.disks.setdefault(place.controller, []).extend(items)
        self.controllers = {place.controller for place in self.items}
        self.expanders: dict[str, str] = {}

    def parts(self) -> Iterator[Part]:
        roots = {place.root for place in self.items} - {"", ROOT}
        for place in sorted(self.items, key=self.order):
            if place.root in roots and place.root not in self.expanders:
                yield self.expander(place)
            yield from self.device(place)
        for item in self.shop.remaining.sections("PCIHost"):
            yield self.empty_expander(item)

    def order(self, place: BusPlace) -> tuple[bool, str]:
        """EHCI stands before its companions, which refer to it; buses other than PCI come last."""
        names = {item.name for item in self.items[place]}
        path = place.path[:-1] + "!" if "ehci" in names else place.path
        return not place.root, path

    def expander(self, place: BusPlace) -> Part:
        """An expander bridge: its address is the first one on its own bus."""
        number = int(place.root[-2:], 16)
        own = place.path[len(ROOT) + 1 :].split(":")[0]
        draft = self._expander(number)
        draft.options |= {"bus": self.root_bus, "addr": own, "id": f"bus-{number:02x}"}
        self.expanders[place.root] = f"{place.root}:{own}"
        inner = f"{place.root}:{own}:00.0/pci_bridge"
        if draft.device == "pxb":
            draft.cover(self.shop.remaining.take_first(inner))
            draft.cover(self.shop.remaining.take_first("PCIBUS"))
        return draft.part()

    def empty_expander(self, _: Item) -> Part:
        number = 0x80 + 0x10 * self.shop.number("expander")
        draft = self._expander(number)
        draft.notes.append("its address (addr=) and the number of its bus (bus_nr=)")
        return draft.part()

    def _expander(self, number: int) -> DeviceOption:
        draft = DeviceOption(self.shop, "pxb-pcie" if self.root_bus.startswith("pcie") else "pxb")
        draft.options["bus_nr"] = str(number)
        draft.cover(self.shop.remaining.take_first("PCIHost"))
        draft.cover(self.shop.remaining.take_first("PCIBUS"))
        return draft

    def device(self, place: BusPlace) -> Iterator[Part]:
        """The device at an address; nothing if its kind is unknown."""
        items = [item for item in self.items[place] if item in self.shop.remaining]
        make = {"usb": self.on_usb, "scsi": self.on_scsi}.get(place.bus, self.on_main_bus)
        seen = make(place, items)
        if seen is None:
            return
        if place.path in self.controllers or seen.parts or self.is_master(seen):
            seen.options["id"] = place.id
        if place.bus in ("pci", "mmio", "ccw"):
            seen.options.update(self.address(place))
        yield seen.draft.part()
        yield from (draft.part() for draft in seen.parts)

    @staticmethod
    def is_master(seen: Seen) -> bool:
        return seen.draft.device.startswith("ich9-usb-ehci")

    def address(self, place: BusPlace) -> dict[str, str]:
        """The properties that put a device at its address."""
        if place.bus == "ccw":
            return {"devno": place.own}
        if place.bus == "mmio":
            number = _mmio_number(int(place.own, 16))
            return {} if number is None else {"bus": f"virtio-mmio-bus.{number}"}
        return {"bus": self.bus_of(place), "addr": place.own}

    def bus_of(self, place: BusPlace) -> str:
        """Name of the PCI bus of a device."""
        if not place.controller:
            return self.root_bus
        if place.controller in self.expanders.values():
            return f"bus-{place.root[-2:]}"
        inner = place.controller.rpartition(":")[0]
        if inner in self.expanders.values() and self.root_bus.startswith("pci."):
            return f"bus-{place.root[-2:]}"
        controller = place_of(place.controller)
        return controller.id if controller else self.root_bus

    # The kinds of devices.

    def on_usb(self, place: BusPlace, items: list[Item]) -> Seen | None:
        found = [USB_KINDS[item.name] for item in items if item.name in USB_KINDS]
        if not found:
            return None
        kind = found[0]
        seen = self.seen(place, items, kind.device, (kind.state,))
        controller = place_of(place.controller)
        seen.options.update({"bus": f"{controller.id}.0" if controller else "", "port": place.own})
        for trait in kind.traits:
            if trait != "storage" or self.take_disk(place, seen):
                TRAITS[trait](seen)
        if kind.or_:
            seen.draft.notes.append(f"its kind: {kind.device}, or {kind.or_}")
        return seen

    def take_disk(self, place: BusPlace, seen: Seen) -> bool:
        """Whether the device brings its only disk; one without is made as another device."""
        taken = self.shop.remaining.take_these(self.disks.get(place.path, ()))
        seen.draft.cover(taken)
        if not taken:
            seen.draft.device = "usb-bot"
        else:
            self.controllers.discard(place.path)
        return bool(taken)

    def on_scsi(self, place: BusPlace, items: list[Item]) -> Seen | None:
        if not any(item.name == "scsi-disk" for item in items):
            return None
        seen = self.seen(place, items, "scsi-hd", ("scsi-disk",))
        controller = place_of(place.controller)
        channel, target, lun = place.own.split(":")
        seen.options.update(
            {
                "bus": f"{controller.id}.0" if controller else "",
                "channel": channel,
                "scsi-id": target,
                "lun": lun,
            }
        )
        TRAITS["storage"](seen)
        seen.draft.notes.append("its kind: scsi-hd, or scsi-cd")
        return seen

    def on_main_bus(self, place: BusPlace, items: list[Item]) -> Seen | None:
        names = [item.name for item in items]
        for name in names:
            if name in VIRTIO_KINDS:
                return self.virtio(place, items, VIRTIO_KINDS[name])
            if name in PCI_KINDS and place.bus == "pci":
                return self.pci(place, items, PCI_KINDS[name])
            if name in _BY_BLOCK:
                device, beside = _BY_BLOCK[name]
                return self.pci(place, items, PciKind("", device, beside=beside, rom=1 << 16))
        return None

    def pci(self, place: BusPlace, items: list[Item], kind: PciKind) -> Seen:
        seen = self.seen(place, items, kind.device, (kind.state, *kind.beside))
        if seen.pci:
            vendor, device = seen.pci.ids
            wanted = {(vendor, device, seen.pci.class_code), (vendor, device, 0)}
            told = [name for ids, name in kind.others if ids in wanted]
            seen.draft.device = told[0] if told else kind.device
        for idstr in kind.beside:
            seen.draft.cover(self.shop.remaining.take_first(idstr))
        loose = [Item("block", name) for name in _LOOSE_BLOCKS.get(kind.state, ())]
        seen.draft.cover(self.shop.remaining.take_these(loose))
        self.finish(seen, kind.traits, kind.rom)
        return seen

    def virtio(self, place: BusPlace, items: list[Item], kind: VirtioKind) -> Seen:
        suffix = {"pci": "-pci", "ccw": "-ccw", "mmio": "" if kind.alone else "-device"}[place.bus]
        early = f"{kind.state}-device-early"
        names = (kind.state, early, "virtio-vga")
        seen = self.seen(place, items, kind.base + suffix, names)
        section = self.sections.get(f"{place.path}/{kind.state}")
        seen.virtio = self.virtio_state(section, seen.pci) if place.bus != "ccw" else None
        self.finish(seen, kind.traits, kind.rom if place.bus == "pci" else 0)
        if seen.pci:
            self.virtio_on_pci(seen, kind)
        for bit, option in (*kind.features, *_RING_FEATURES):
            if seen.virtio and seen.virtio.features >> bit & 1:
                name, _, value = option.partition("=")
                mtu = {"mtu": ("host_mtu", str(seen.virtio.number(10, 2)))}
                name, value = mtu.get(name, (name, value))
                seen.options[name] = value
        return seen

    def virtio_on_pci(self, seen: Seen, kind: VirtioKind) -> None:
        """The options that decide on the IDs and the capabilities of the PCI device."""
        pci = seen.pci
        assert pci is not None
        if kind.legacy and seen.draft.device.endswith("-pci"):
            is_legacy = pci.ids[1] < _MODERN
            if is_legacy == pci.is_express:
                seen.options["disable-legacy"] = "off" if is_legacy else "on"
            if pci.capability(VENDOR) is None:
                seen.options["disable-modern"] = "on"
        usual = _usual_vectors(kind, seen.virtio)
        if usual is not None and pci.vectors != usual:
            seen.options["vectors"] = str(pci.vectors)

    def finish(self, seen: Seen, traits: tuple[str, ...], rom: int) -> None:
        """The options that do not depend on the kind of bus."""
        for trait in traits:
            TRAITS[trait](seen)
        if seen.pci and seen.pci.multifunction:
            seen.options["multifunction"] = "on"
        self.rom(seen, rom)

    def rom(self, seen: Seen, usual: int) -> None:
        """The option ROM: whether there is one, its size, and what its name tells."""
        found = [name for name in seen.blocks if name.endswith(".rom") or name.startswith(_VARIANT)]
        if found:
            length = seen.blocks[found[0]].used_length
            told = found[0].removesuffix(".rom")
            if told.startswith(_VARIANT) and told in _VARIANTS:
                seen.draft.device = told
            if length != usual:
                seen.options["romsize"] = str(length)
        elif usual and seen.draft.device not in _WITHOUT_ROM:
            seen.options["romfile"] = ""

    # What the file has of a device.

    def seen(self, place: BusPlace, items: list[Item], device: str, names: tuple[str, ...]) -> Seen:
        own = [item for item in items if item.kind == "block" or item.name in names]
        draft = DeviceOption(self.shop, device)
        draft.cover(self.shop.remaining.take_these(own))
        section = next((self.sections[item.idstr] for item in own if self.is_pci(item)), None)
        return Seen(
            self.snapshot,
            place.path,
            place.id,
            draft,
            tuple(item.name for item in items if item.kind == "section"),
            {item.name: self.blocks[item.idstr] for item in own if item.kind == "block"},
            self.pci_config(section) if section and place.bus == "pci" else None,
            None,
            self.slots.get(place.slot, {}),
            [],
        )

    @staticmethod
    def is_pci(item: Item) -> bool:
        return item.kind == "section" and not item.name.endswith("-early")

    def payload(self, section: Section, size: int) -> bytes:
        """First bytes of a payload; fewer if a metadump left some out."""
        size = min(size, section.payload_length)
        start = section.payload_offset
        left_out = without(self.snapshot.source.left_out(start, start + size), ())
        size = min([first - start for first, _ in left_out] + [size])
        return self.snapshot.source.peek(start, size)

    def pci_config(self, section: Section) -> PciConfig | None:
        data = self.payload(section, len(_PCI_VERSION) + pci_space.SIZE)
        whole = len(data) == len(_PCI_VERSION) + pci_space.SIZE
        if not whole or data[: len(_PCI_VERSION)] != _PCI_VERSION:
            return None
        return PciConfig(data[len(_PCI_VERSION) :])

    def virtio_state(self, section: Section | None, pci: PciConfig | None) -> VirtioState | None:
        if section is None:
            return None
        try:
            return virtio_state(self.payload(section, _STATE_MAX), pci)
        except MappedRamError:
            return None


_VARIANT = "virtio-net-pci"
_VARIANTS = ("virtio-net-pci-transitional", "virtio-net-pci-non-transitional")
#: Devices with the state of one that has an option ROM, but without it.
_WITHOUT_ROM = ("secondary-vga",)


def _usual_vectors(kind: VirtioKind, state: VirtioState | None) -> int | None:
    """Number of MSI-X vectors without the option `vectors`; None if it cannot be told.

    Source: QEMU hw/virtio/virtio-*-pci.c.
    """
    if kind.vectors >= 0:
        return kind.vectors
    if state is None:
        return None
    # A console has two queues for each port; others have one vector more than queues.
    return state.queues // 2 if kind.state == "virtio-console" else state.queues + 1


def _mmio_number(address: int) -> int | None:
    """Number of a virtio-mmio bus."""
    for base, distance in _MMIO:
        number, rest = divmod(address - base, distance)
        if not rest and 0 <= number < _MMIO_SLOTS:
            return number
    return None
