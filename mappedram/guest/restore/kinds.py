"""Kinds of devices: the name of their state in a stream, and the option that creates them.

Source: the VMStateDescription of each device in QEMU hw/, and streams of QEMU 10.0.2 and 11.1.3
with one device each (`python -m tools.devices`).
"""

from typing import NamedTuple


class PciKind(NamedTuple):
    """Devices on a PCI bus whose state has one name.

    Attributes:
        state: last part of the name of the section.
        device: the usual device.
        others: other devices with the same state, by vendor, device and class; 0 stands for any.
        traits: further options: names of functions in `traits`.
        beside: further sections of the device: of its own address, or without any.
        rom: size of its option ROM in bytes; 0 if it has none.
    """

    state: str
    device: str
    others: tuple[tuple[tuple[int, int, int], str], ...] = ()
    traits: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    rom: int = 0


_K = 1 << 10
_PXE, _VGA, _EEPRO = 256 * _K, 64 * _K, 128 * _K
_BRIDGE = ("PCIBUS",)
_EEPRO_NAMES = (
    *("i82550", "i82551", "i82557a", "i82557b", "i82557c", "i82558a", "i82558b", "i82559a"),
    *("i82559b", "i82559c", "i82559er", "i82562", "i82801"),
)

PCI_KINDS = {
    kind.state: kind
    for kind in (
        # Bridges and ports.
        PciKind("pcie-root-port", "pcie-root-port", traits=("port",), beside=_BRIDGE),
        PciKind("rp_ports", "pcie-root-port", traits=("port",), beside=_BRIDGE),
        PciKind("ioh-3240-express-root-port", "ioh3420", traits=("port",), beside=_BRIDGE),
        PciKind("xio3130-express-upstream-port", "x3130-upstream", beside=_BRIDGE),
        PciKind(
            "xio3130-express-downstream-port", "xio3130-downstream", (), ("port",), beside=_BRIDGE
        ),
        PciKind(
            "pci_bridge",
            "pci-bridge",
            (((0x1B36, 0x000A, 0), "pci-bridge-seat"),),
            ("bridge",),
            _BRIDGE,
        ),
        PciKind("pcie-pci-bridge", "pcie-pci-bridge", beside=_BRIDGE),
        PciKind("i82801b11_bridge", "i82801b11-bridge", beside=_BRIDGE),
        # Controllers.
        PciKind("xhci", "qemu-xhci", (((0x1033, 0x0194, 0), "nec-usb-xhci"),), ("xhci", "vectors")),
        PciKind(
            "ehci",
            "usb-ehci",
            (((0x8086, 0x293A, 0), "ich9-usb-ehci1"), ((0x8086, 0x293C, 0), "ich9-usb-ehci2")),
        ),
        PciKind(
            "uhci",
            "piix3-usb-uhci",
            (
                ((0x8086, 0x7112, 0), "piix4-usb-uhci"),
                *(((0x8086, 0x2933 + n, 0), f"ich9-usb-uhci{n}") for n in range(1, 7)),
            ),
            ("companion",),
        ),
        PciKind("ohci", "pci-ohci"),
        PciKind("ich9_ahci", "ich9-ahci"),
        PciKind("ide", "piix3-ide", (((0x8086, 0x7111, 0), "piix4-ide"),)),
        PciKind("lsiscsi", "lsi53c895a", (((0x1000, 0x0001, 0), "lsi53c810"),)),
        PciKind("megasas", "megasas"),
        PciKind("megasas-gen2", "megasas-gen2"),
        PciKind("mptsas", "mptsas1068"),
        PciKind("pvscsi", "pvscsi"),
        PciKind("pciespscsi", "am53c974", traits=("dc390",), beside=("eeprom",)),
        PciKind("sdhci", "sdhci-pci"),
        PciKind("nvme", "nvme"),
        # Network.
        PciKind(
            "e1000",
            "e1000",
            (
                ((0x8086, 0x100C, 0), "e1000-82544gc"),
                ((0x8086, 0x100F, 0), "e1000-82545em"),
            ),
            ("network",),
            rom=_PXE,
        ),
        PciKind("e1000e", "e1000e", traits=("network",), rom=_PXE),
        PciKind("igb", "igb", traits=("network",)),
        PciKind("rtl8139", "rtl8139", traits=("network",), rom=_PXE),
        PciKind("pcnet", "pcnet", traits=("network",), rom=_PXE),
        PciKind("ne2000", "ne2k_pci", traits=("network",), rom=_PXE),
        PciKind("vmxnet3", "vmxnet3", traits=("network",), rom=_PXE),
        PciKind("tulip", "tulip", traits=("network",), beside=("eeprom",)),
        *(
            PciKind(name, name, traits=("network",), beside=("eeprom",), rom=_EEPRO)
            for name in _EEPRO_NAMES
        ),
        # Display and sound.
        PciKind(
            "vga", "VGA", (((0x1234, 0x1111, 0x0380), "secondary-vga"),), ("vgamem",), rom=_VGA
        ),
        PciKind("cirrus_vga", "cirrus-vga", traits=("vgamem",), rom=_VGA),
        PciKind("bochs-display", "bochs-display", traits=("bochs",), rom=32 * _K),
        PciKind("vmware_vga", "vmware-svga", traits=("vgamem",), beside=("vga",), rom=_VGA),
        PciKind("qxl", "qxl", (((0x1B36, 0x0100, 0x0300), "qxl-vga"),), ("qxl",), rom=_VGA),
        PciKind("ac97", "AC97", traits=("sound",)),
        PciKind("es1370", "ES1370", traits=("sound",)),
        PciKind("intel-hda", "intel-hda", (((0x8086, 0x293E, 0), "ich9-intel-hda"),)),
        # Others.
        PciKind("pci-serial", "pci-serial", traits=("character",)),
        PciKind(
            "pci-serial-multi",
            "pci-serial-2x",
            (((0x1B36, 0x0004, 0), "pci-serial-4x"),),
            ("characters",),
        ),
        PciKind("tpci200", "tpci200"),
        PciKind("i6300esb_wdt", "i6300esb"),
        PciKind("pvpanic-pci", "pvpanic-pci"),
        PciKind("acpi-erst", "acpi-erst", traits=("erst",)),
        PciKind("ipmi-interface-pci-kcs", "pci-ipmi-kcs", (), ("management",), ("ipmi-bmc-sim",)),
        PciKind("ipmi-interface-pci-bt", "pci-ipmi-bt", (), ("management",), ("ipmi-bmc-sim",)),
        PciKind("ivshmem", "ivshmem-plain"),
        PciKind("vfio", "vfio-pci", traits=("host",)),
        PciKind("vfio-pci", "vfio-pci", traits=("host",)),
    )
}


class VirtioKind(NamedTuple):
    """A kind of virtio device.

    Attributes:
        state: last part of the name of the section.
        base: the device without the suffix for its transport.
        legacy: whether there is a device of VIRTIO 0.9.
        vectors: usual number of MSI-X vectors; -1 if it follows from the number of queues.
        traits: further options: names of functions in `traits`.
        features: options for features that a guest can accept only where they are on.
        rom: size of its option ROM in bytes; 0 if it has none.
        alone: whether the memory-mapped device has no suffix.
    """

    state: str
    base: str
    legacy: bool = False
    vectors: int = -1
    traits: tuple[str, ...] = ()
    features: tuple[tuple[int, str], ...] = ()
    rom: int = 0
    alone: bool = False


VIRTIO_KINDS = {
    kind.state: kind
    for kind in (
        VirtioKind(
            "virtio-net",
            "virtio-net",
            True,
            -1,
            ("network", "net_queues", "rx_entries", "tx_entries"),
            ((3, "mtu"),),
            _PXE,
        ),
        VirtioKind("virtio-blk", "virtio-blk", True, -1, ("blk", "blk_entries"), ((7, "scsi=on"),)),
        VirtioKind("virtio-scsi", "virtio-scsi", True, -1, ("scsi_queues", "scsi_entries")),
        VirtioKind("virtio-console", "virtio-serial", True, -1, ("serial",)),
        VirtioKind(
            "virtio-balloon",
            "virtio-balloon",
            True,
            0,
            ("balloon",),
            ((2, "deflate-on-oom=on"),),
        ),
        VirtioKind("virtio-rng", "virtio-rng", True, 2),
        VirtioKind("virtio-rtc", "virtio-rtc", False, 0),
        VirtioKind("virtio-9p", "virtio-9p", True, 2, ("shared_folder",)),
        VirtioKind("virtio-gpu", "virtio-gpu", False, 3, ("outputs",)),
        VirtioKind("virtio-input", "virtio-tablet", False, 2, ("input",)),
        VirtioKind("virtio-iommu", "virtio-iommu", False, 0),
        VirtioKind("virtio-mem", "virtio-mem", False, 2, ("virtio_mem",), alone=True),
        VirtioKind("virtio-pmem", "virtio-pmem", False, 2, ("pmem",), alone=True),
        VirtioKind("vhost-vsock", "vhost-vsock", False, 3, ("cid",)),
        VirtioKind("vhost-user-blk", "vhost-user-blk", True, -1, ("vhost_user",)),
        VirtioKind("vhost-user-fs", "vhost-user-fs", False, -1, ("vhost_user",)),
        VirtioKind("vhost-user-vsock", "vhost-user-vsock", False, 3, ("vhost_user",)),
        VirtioKind("virtio-crypto", "virtio-crypto", False, 2, ("crypto",)),
    )
}


class UsbKind(NamedTuple):
    """A device on a USB bus.

    Attributes:
        state: last part of the name of the section.
        device: the usual device.
        traits: further options: names of functions in `traits`.
        or_: other devices with the same state.
    """

    state: str
    device: str
    traits: tuple[str, ...] = ()
    or_: str = ""


USB_KINDS = {
    kind.state: kind
    for kind in (
        UsbKind("usb-ptr", "usb-tablet", or_="usb-mouse"),
        UsbKind("usb-kbd", "usb-kbd"),
        UsbKind("usb-hub", "usb-hub"),
        UsbKind("usb-ccid", "usb-ccid"),
        UsbKind("usb-storage", "usb-storage", ("storage",)),
        UsbKind("usb-host", "usb-host", or_="usb-host,hostbus=N,hostaddr=N of the real device"),
        UsbKind("usb-redir", "usb-redir", ("character",)),
        UsbKind("usb-serial", "usb-serial", ("character",)),
        UsbKind("usb-net", "usb-net", ("network",)),
        UsbKind("usb-audio", "usb-audio", ("sound",)),
    )
}


class LooseKind(NamedTuple):
    """A device whose sections have no address.

    Attributes:
        state: name of the section.
        option: the option that creates it, with `{chardev}` and the like where it needs a backend.
        archs: the emulators where it needs an option; all if empty.
        beside: further sections of the device.
        note: what the file does not tell about it.
    """

    state: str
    option: str
    archs: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    note: str = ""


_PC = ("x86_64", "i386")

#: In the order in which they are looked for: a device may take sections that others have as well.
LOOSE_KINDS = (
    LooseKind("tpm-crb", "tpm-crb,tpmdev={tpm}", beside=("tpm-emulator",)),
    LooseKind("tpm-tis", "tpm-tis,tpmdev={tpm}", _PC, beside=("tpm-emulator",)),
    LooseKind("tpm-tis", "tpm-tis-device,tpmdev={tpm}", beside=("tpm-emulator",)),
    LooseKind("tpm-tis-device", "tpm-tis-device,tpmdev={tpm}", beside=("tpm-emulator",)),
    LooseKind("ipmi-interface", "isa-ipmi-kcs,bmc={bmc}", beside=("ipmi-bmc-sim",)),
    LooseKind("ipmi-interface-isa-bt", "isa-ipmi-bt,bmc={bmc}", beside=("ipmi-bmc-sim",)),
    LooseKind("smbus-ipmi", "smbus-ipmi,bmc={bmc}", beside=("ipmi-bmc-sim",)),
    LooseKind("ipmi-bmc-sim", "ipmi-bmc-sim"),
    LooseKind("serial", "isa-serial,chardev={chardev}", _PC),
    LooseKind("parallel_isa", "isa-parallel,chardev={chardev}"),
    LooseKind("fdc", "isa-fdc"),
    LooseKind("isa-ide", "isa-ide"),
    LooseKind("ne2000", "ne2k_isa,netdev={netdev}"),
    LooseKind("pckbd", "i8042", beside=("ps2kbd", "ps2mouse")),
    LooseKind("mc146818rtc", "mc146818rtc", note="its base address"),
    LooseKind("vga", "isa-vga", _PC),
    LooseKind("vga-isa", "isa-vga", _PC),  # since QEMU 11
    LooseKind("cirrus_vga", "isa-cirrus-vga", _PC),
    LooseKind("ramfb-dev", "ramfb"),
    LooseKind("sb16", "sb16,audiodev={audiodev}"),
    LooseKind("cs4231a", "cs4231a,audiodev={audiodev}"),
    LooseKind("gus", "gus,audiodev={audiodev}"),
    LooseKind(
        "hda-audio",
        "hda-duplex,audiodev={audiodev}",
        note="whether it is hda-duplex, hda-output or hda-micro",
    ),
    LooseKind("ib700_wdt", "ib700"),
    LooseKind("vmcoreinfo", "vmcoreinfo"),
    LooseKind("vmgenid", "vmgenid,guid=auto", note="guid=auto gives the guest a new generation ID"),
    LooseKind("vmclock", "vmclock"),
    LooseKind("uefi-vars-sysbus", "uefi-vars-x64", _PC),
    LooseKind("uefi-vars-sysbus", "uefi-vars-sysbus"),
    LooseKind("iommu-intel", "intel-iommu"),
    LooseKind("amd-iommu", "amd-iommu"),
    LooseKind("sd-card", "sd-card,drive={drive}", note="whether it is sd-card or sd-card-spi"),
    LooseKind("ccid-card-passthru", "ccid-card-passthru,chardev={chardev}"),
    LooseKind("ipoctal232", "ipoctal232"),
    LooseKind("i2c-ddc", "i2c-ddc"),
    LooseKind("dm163", "dm163"),
    LooseKind("sbsa-gwdt", "sbsa-gwdt"),
    LooseKind("led", "led,color=red", note="its color"),
    LooseKind("virtio-net", "virtio-net-device,netdev={netdev}"),
    LooseKind("virtio-blk", "virtio-blk-device,drive={drive}"),
)
