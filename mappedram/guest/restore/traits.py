"""Options of devices that follow from their state, by the names in the tables of `kinds`."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappedram.errors import UnknownNameError
from mappedram.guest.machine import backend_id
from mappedram.guest.restore.items import Item
from mappedram.guest.restore.memory import backend_option
from mappedram.guest.restore.parts import DeviceOption
from mappedram.guest.restore.pci import MSI, MSIX, SHPC, PciConfig
from mappedram.guest.restore.virtio import VirtioState, serial_ports
from mappedram.stream.model import RamBlock
from mappedram.stream.vmstate.values import Undecoded

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot
    from mappedram.stream.vmstate import DeviceState

_MIB = 1 << 20
_SECTOR = 512
#: Numbers of virtio queues beside those for requests.
_SCSI_OWN_QUEUES = 2


@dataclass
class Seen:
    """A device of the file.

    Attributes:
        snapshot: the file.
        path: its address.
        bus: id of the device, from which its buses have their names.
        draft: its option under construction.
        names: last parts of the names of its sections.
        blocks: its RAM blocks, by the last part of their names.
        pci: its configuration space, if it is on PCI and the file tells.
        virtio: its state as a virtio device, if it is one and the file tells.
        neighbours: the devices in the same PCI slot, by function.
        parts: further options that depend on it, in order.
    """

    snapshot: "OpenSnapshot"
    path: str
    bus: str
    draft: DeviceOption
    names: tuple[str, ...]
    blocks: dict[str, RamBlock]
    pci: PciConfig | None
    virtio: VirtioState | None
    neighbours: dict[str, str]
    parts: list[DeviceOption]

    @property
    def options(self) -> dict[str, str]:
        """The properties of the option."""
        return self.draft.options

    def state(self, name: str) -> "DeviceState | None":
        """Its decoded section of that name."""
        with suppress(UnknownNameError):
            return self.snapshot.state[f"{self.path}/{name}"]
        return None

    def mib(self, block: str) -> int | None:
        """Size of one of its blocks in MiB."""
        found = self.blocks.get(block)
        return None if found is None else found.used_length // _MIB


def _port(seen: Seen) -> None:
    if seen.pci is None:
        return
    seen.options["chassis"] = str(seen.draft.shop.number("chassis"))
    if seen.pci.slot:
        seen.options["slot"] = str(seen.pci.slot)
    if seen.pci.port:
        seen.options["port"] = str(seen.pci.port)


def _bridge(seen: Seen) -> None:
    chassis = seen.pci.chassis if seen.pci else None
    seen.options["chassis_nr"] = str(chassis or seen.draft.shop.number("chassis"))
    if seen.pci and seen.pci.capability(SHPC) is not None:
        seen.options["shpc"] = "on"


#: Arrays in the state of xhci, and their usual lengths, which properties decide on.
_USUAL_XHCI = {"ports": 8, "slots": 64, "intr": 16}


def _xhci(seen: Seen) -> None:
    counts = _xhci_counts(seen)
    ports = counts.get("ports", _USUAL_XHCI["ports"])
    if ports != _USUAL_XHCI["ports"]:
        # Both kinds of ports have the same number unless an option says otherwise.
        seen.options.update({"p2": str(ports - ports // 2), "p3": str(ports // 2)})
    for name, option in (("slots", "slots"), ("intr", "intrs")):
        if counts.get(name, _USUAL_XHCI[name]) != _USUAL_XHCI[name]:
            seen.options[option] = str(counts[name])


def _xhci_counts(seen: Seen) -> dict[str, int]:
    state = seen.state("xhci")
    if state is None:
        return {}
    counts = {}
    for name in _USUAL_XHCI:
        value = state.get(f"xhci.{name}")
        if not isinstance(value, list):
            value = state.get(name)
        if isinstance(value, list):
            counts[name] = len(value)
    return counts


def _vectors(seen: Seen) -> None:
    """A controller has both kinds of message-signalled interrupts unless they were switched off."""
    for capability, option in ((MSI, "msi"), (MSIX, "msix")):
        if seen.pci is not None and seen.pci.capability(capability) is None:
            seen.options[option] = "off"


#: First port of the companions of an EHCI controller.
_FIRST_PORT = {"ich9-usb-uhci1": 0, "ich9-usb-uhci2": 2, "ich9-usb-uhci3": 4}
_FIRST_PORT |= {"ich9-usb-uhci4": 0, "ich9-usb-uhci5": 2, "ich9-usb-uhci6": 4}


def _companion(seen: Seen) -> None:
    master = seen.neighbours.get("ehci")
    if master and seen.draft.device in _FIRST_PORT:
        seen.options["masterbus"] = f"{master}.0"
        seen.options["firstport"] = str(_FIRST_PORT[seen.draft.device])


def _backend(kind: str) -> Callable[[Seen], None]:
    """A trait: the device needs a backend, which the option of the same name refers to."""

    def trait(seen: Seen) -> None:
        name = seen.draft.backend(kind)
        if name is not None:
            seen.options[kind] = name

    return trait


def _characters(seen: Seen) -> None:
    number = 4 if seen.draft.device.endswith("4x") else 2
    for port in range(1, number + 1):
        name = seen.draft.backend("chardev")
        seen.options[f"chardev{port}"] = str(name)


#: Usual sizes of video memory, in MiB.
_USUAL_VIDEO, _USUAL_CIRRUS = 16, 4


def _vgamem(seen: Seen) -> None:
    usual = _USUAL_CIRRUS if seen.draft.device == "cirrus-vga" else _USUAL_VIDEO
    size = seen.mib("vga.vram")
    if size is not None and size != usual:
        seen.options["vgamem_mb"] = str(size)


def _bochs(seen: Seen) -> None:
    size = seen.mib("bochs-display-vram")
    if size is not None and size != _USUAL_VIDEO:
        seen.options["vgamem"] = str(size * _MIB)


def _qxl(seen: Seen) -> None:
    for block, option in (("vga.vram", "ram_size"), ("qxl.vram", "vram_size")):
        if block in seen.blocks:
            seen.options[option] = str(seen.blocks[block].used_length)


def _dc390(seen: Seen) -> None:
    if "eeprom" in seen.names:
        seen.draft.device = "dc390"


def _erst(seen: Seen) -> None:
    """The storage is a memory backend of its own; the exchange buffer has the size of a record."""
    spare = seen.draft.shop.spare
    if not spare:
        return
    block = min(spare, key=lambda one: one.used_length)
    if len(spare) > 1:
        seen.draft.notes.append(f"whether {block.idstr!r} is its memory, which is a guess by size")
    spare.remove(block)
    name = backend_id(block)
    seen.draft.before += ["-object", backend_option(name, block.used_length)]
    seen.draft.cover(seen.draft.shop.remaining.take_these([Item("block", block.idstr)]))
    seen.options["memdev"] = name


def _management(seen: Seen) -> None:
    seen.options["bmc"] = str(seen.draft.backend("bmc"))


def _host(seen: Seen) -> None:
    seen.options["host"] = "0000:00:00.0"
    seen.draft.notes.append("the address of the device on the host (host=)")


# Virtio.

#: Queues of a network device without one for control.
_PAIR = 2


def _balloon(seen: Seen) -> None:
    """Each of two features has a queue after the three usual ones; reporting a shorter one.

    Source: QEMU hw/virtio/virtio-balloon.c, virtio_balloon_device_realize().
    """
    further = seen.virtio.sizes[_BALLOON_QUEUES:] if seen.virtio else ()
    if further and (len(further) > 1 or further[0] != _REPORTING_SIZE):
        seen.options["free-page-hint"] = "on"
    if further and further[-1] == _REPORTING_SIZE:
        seen.options["free-page-reporting"] = "on"


_BALLOON_QUEUES, _REPORTING_SIZE = 3, 32
#: Usual most entries of a queue.
_USUAL_ENTRIES = 256


def _entries(option: str, number: int) -> Callable[[Seen], None]:
    """A trait: the property for the size of a queue, if it is larger than usual."""

    def trait(seen: Seen) -> None:
        size = seen.virtio.sizes[number] if seen.virtio and number < seen.virtio.queues else 0
        if size > _USUAL_ENTRIES:
            seen.options[option] = str(size)

    return trait


def _net_queues(seen: Seen) -> None:
    if seen.virtio and seen.virtio.queues == _PAIR:
        seen.options["ctrl_vq"] = "off"
    pairs = (seen.virtio.queues - 1) // 2 if seen.virtio else 1
    if pairs > 1:
        seen.options["mq"] = "on"
        seen.draft.notes.append(f"its network needs {pairs} queues (-netdev tap,queues={pairs})")
    if seen.virtio and seen.virtio.features & 0x1F83:
        seen.draft.notes.append("the guest uses offloads, which need -netdev tap or vhost-user")


def _blk(seen: Seen) -> None:
    if seen.virtio:
        seen.options["num-queues"] = str(seen.virtio.queues)
        # The device fills it in only when the guest reads it.
        if capacity := seen.virtio.number(0, 8):
            seen.options["disk size"] = str(capacity * _SECTOR)
    seen.options["drive"] = str(seen.draft.backend("drive"))


def _scsi_queues(seen: Seen) -> None:
    if seen.virtio and seen.virtio.queues > _SCSI_OWN_QUEUES:
        seen.options["num_queues"] = str(seen.virtio.queues - _SCSI_OWN_QUEUES)


_USUAL_PORTS = 31


def _serial(seen: Seen) -> None:
    ports = serial_ports(seen.virtio) if seen.virtio else None
    if ports is None:
        seen.draft.notes.append("its ports (-device virtserialport, virtconsole)")
        return
    if ports.number != _USUAL_PORTS:
        seen.options["max_ports"] = str(ports.number)
    for number in ports.used:
        port = DeviceOption(seen.draft.shop, "virtserialport" if number else "virtconsole")
        port.options |= {"bus": f"{seen.bus}.0", "nr": str(number)}
        port.options["chardev"] = str(port.backend("chardev"))
        port.notes.append("its name (name=)" if number else "")
        port.notes = [note for note in port.notes if note]
        seen.parts.append(port)


def _shared_folder(seen: Seen) -> None:
    name = seen.draft.shop.name("folder")
    seen.draft.before += ["-fsdev", f"local,id={name},path=.,security_model=none"]
    seen.draft.notes.append("the folder that it shares (path=)")
    config = seen.virtio.config if seen.virtio else b""
    length = int.from_bytes(config[:2], "little")
    tag = config[2 : 2 + length].decode("ascii", "replace")
    seen.options.update({"fsdev": name, "mount_tag": tag or "tag"})


def _outputs(seen: Seen) -> None:
    if "virtio-vga" in seen.names:
        seen.draft.device = "virtio-vga"
    number = _number_of_outputs(seen)
    if number > 1:
        seen.options["max_outputs"] = str(number)


def _number_of_outputs(seen: Seen) -> int:
    """From the list of resources, if it is empty, which `enable` and the number follow.

    Source: QEMU hw/display/virtio-gpu.c, virtio_gpu_save().
    """
    state = seen.state("virtio-gpu")
    value = state.get("virtio-gpu") if state else None
    data = value.data if isinstance(value, Undecoded) else value
    if not isinstance(data, bytes) or len(data) < _OUTPUTS.stop or any(data[:4]):
        return 1
    number = int.from_bytes(data[_OUTPUTS], "big")
    return number if number <= _OUTPUTS_MAX else 1


#: Source: QEMU include/hw/virtio/virtio-gpu.h, VIRTIO_GPU_MAX_SCANOUTS.
_OUTPUTS_MAX = 16
_OUTPUTS = slice(8, 12)


#: Kind of an input device by its PCI class. Source: QEMU hw/virtio/virtio-input-pci.c.
_INPUT_CLASSES = {0x0900: "virtio-keyboard", 0x0902: "virtio-mouse"}


def _input(seen: Seen) -> None:
    told = seen.pci and _INPUT_CLASSES.get(seen.pci.class_code)
    if told:
        seen.draft.device = seen.draft.device.replace("virtio-tablet", told)
    else:
        kinds = "multitouch" if seen.pci else "keyboard, mouse or multitouch"
        seen.draft.notes.append(f"its kind: a tablet, or {kinds}")


#: Properties of virtio-mem, and the fields of its early state that have their values.
_VIRTIO_MEM = (
    ("memaddr", "tmp.addr"),
    ("block-size", "tmp.block_size"),
    ("requested-size", "size"),
    ("node", "tmp.node"),
)


def _virtio_mem(seen: Seen) -> None:
    name, block = next(iter(seen.blocks.items()), ("", None))
    if block is None:
        return
    seen.draft.before += ["-object", backend_option(name, block.used_length)]
    seen.options["memdev"] = name
    state = seen.state("virtio-mem-device-early")
    for option, field in _VIRTIO_MEM:
        value = state.get(field) if state else None
        if isinstance(value, int) and (value or option != "node"):
            seen.options[option] = str(value)


def _cid(seen: Seen) -> None:
    number = seen.virtio.number(0, 8) if seen.virtio else 0
    seen.options["guest-cid"] = str(number or 3)


def _vhost_user(seen: Seen) -> None:
    name = seen.draft.shop.name("vhost")
    seen.draft.before += ["-chardev", f"socket,id={name},path={name}.sock"]
    seen.options["chardev"] = name
    seen.draft.notes.append(f"its process, which has to listen at {name}.sock")


def _crypto(seen: Seen) -> None:
    name = seen.draft.shop.name("crypto")
    seen.draft.before += ["-object", f"cryptodev-backend-builtin,id={name}"]
    seen.options["cryptodev"] = name


TRAITS: dict[str, Callable[[Seen], None]] = {
    "port": _port,
    "bridge": _bridge,
    "xhci": _xhci,
    "vectors": _vectors,
    "companion": _companion,
    "network": _backend("netdev"),
    "sound": _backend("audiodev"),
    "character": _backend("chardev"),
    "storage": _backend("drive"),
    "characters": _characters,
    "vgamem": _vgamem,
    "bochs": _bochs,
    "qxl": _qxl,
    "dc390": _dc390,
    "erst": _erst,
    "management": _management,
    "host": _host,
    "net_queues": _net_queues,
    "balloon": _balloon,
    "rx_entries": _entries("rx_queue_size", 0),
    "tx_entries": _entries("tx_queue_size", 1),
    "blk_entries": _entries("queue-size", 0),
    "scsi_entries": _entries("virtqueue_size", 2),
    "blk": _blk,
    "scsi_queues": _scsi_queues,
    "serial": _serial,
    "shared_folder": _shared_folder,
    "outputs": _outputs,
    "input": _input,
    "virtio_mem": _virtio_mem,
    "pmem": _erst,
    "cid": _cid,
    "vhost_user": _vhost_user,
    "crypto": _crypto,
}
