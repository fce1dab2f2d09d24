"""What a device needs before QEMU creates it: properties, backends, and a controller.

Data, in the order in which it applies: every row whose pattern fits the whole name of the device.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Controllers of buses that a machine does not have by itself.
CONTROLLERS = {
    "usb-bus": "-device qemu-xhci",
    "SCSI": "-device virtio-scsi-pci",
    "HDA": "-device intel-hda",
    "virtio-serial-bus": "-device virtio-serial-pci",
    "sd-bus": "-device sdhci-pci",
    "ccid-bus": "-device qemu-xhci -device usb-ccid",
    "IndustryPack": "-device tpci200",
    "nvme-bus": "-device nvme,serial=x",
    "ufs-bus": "-device ufs,serial=x",
}
#: Controllers that one machine lacks, by machine and bus.
LACKING = {
    ("q35", "floppy-bus"): "-device isa-fdc",
    ("virt", "IDE"): "-device ich9-ahci",
}


class Need(NamedTuple):
    """Options that some devices need.

    Attributes:
        device: regular expression for the whole name.
        before: options that stand before the device.
        properties: of the device itself.
        machine: further properties of the machine.
    """

    device: str
    before: str = ""
    properties: str = ""
    machine: str = ""


_DISK = "-blockdev driver=null-co,node-name=d0,size=67108864,read-zeroes=on"
_NULL = "-chardev null,id=c0"
_SOUND = "-audiodev none,id=a0"
_MEMORY = "-object memory-backend-ram,id=m0,size=16M,share=on"
_PLUGGED = f"{_MEMORY} -m 16M,slots=2,maxmem=64M"
_BMC = "-device ipmi-bmc-sim,id=b0"
_TPM = "-chardev socket,id=t0c,path={swtpm} -tpmdev emulator,id=t0,chardev=t0c"
_PORT = "-device pcie-root-port,id=r0,chassis=1"

NEEDS = (
    Need(
        r"ide-.*|scsi-(hd|cd)|virtio-blk-.*|nvme-ns|usb-storage|sd-.*|ufs-lu|floppy",
        _DISK,
        "drive=d0",
    ),
    Need(r"nvme|ufs", "", "serial=x"),
    Need(r"isa-serial|pci-serial|usb-serial|isa-parallel|isa-debugcon", _NULL, "chardev=c0"),
    Need(
        r"virtconsole|virtserialport|usb-braille|ccid-card-passthru|usb-redir", _NULL, "chardev=c0"
    ),
    Need(r"pci-serial-[24]x", f"{_NULL} -chardev null,id=c1", "chardev1=c0,chardev2=c1"),
    Need(r"pci-serial-4x", "-chardev null,id=c2 -chardev null,id=c3", "chardev3=c2,chardev4=c3"),
    Need(r"pc-dimm|nvdimm|virtio-p?mem(-pci)?", _PLUGGED, "memdev=m0"),
    Need(r"nvdimm", "", "", "nvdimm=on"),
    Need(r"ivshmem-plain|acpi-erst", _MEMORY, "memdev=m0"),
    Need(r"virtio-9p-.*", "-fsdev local,id=f0,path=.,security_model=none", "fsdev=f0,mount_tag=t"),
    Need(r"virtio-crypto-.*", "-object cryptodev-backend-builtin,id=k0", "cryptodev=k0"),
    Need(r".*-ipmi-.*|smbus-ipmi", _BMC, "bmc=b0"),
    Need(
        r"hda-.*|ES1370|AC97|sb16|adlib|cs4231a|gus|usb-audio|virtio-sound-.*",
        _SOUND,
        "audiodev=a0",
    ),
    Need(r"tpm-.*", _TPM, "tpmdev=t0"),
    Need(r"vhost-vsock-.*", "", "guest-cid=3"),
    Need(r"pxb.*", "", "bus_nr=128"),
    Need(r"cxl.*|pxb-cxl", "", "", "cxl=on"),
    Need(r"cxl-rp", "-device pxb-cxl,id=x0,bus_nr=12", "bus=x0,chassis=0,slot=2"),
    Need(r"ioh3420|pcie-root-port", "", "chassis=1,slot=1"),
    Need(r"pci-bridge(-seat)?", "", "chassis_nr=1"),
    Need(r"x3130-upstream", _PORT, "bus=r0"),
    Need(r"xio3130-downstream", f"{_PORT} -device x3130-upstream,bus=r0,id=u0", "bus=u0,chassis=2"),
    Need(r"loader", "", "addr=0x1000,data=1,data-len=4"),
    Need(r"vmgenid", "", "guid=324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"),
    Need(r"rocker", "", "name=r"),
    Need(r"usb-net", "-netdev hubport,id=n0,hubid=0", "netdev=n0"),
    Need(r"isa-applesmc", "", "osk=" + "x" * 64),
    Need(r"(ctucan|kvaser|mioe3680|pcm3680)_pci", "-object can-bus,id=k0", "canbus0=k0"),
    Need(r"usb-mtp", "", "rootdir=/tmp"),
    Need(r"led", "", "color=red"),
)


def arguments(device: str, bus: str | None, machine: str) -> tuple[str, str]:
    """Properties of the machine, and options that create the device.

    `{swtpm}` in them stands for the socket of a TPM.
    """
    rows = [row for row in NEEDS if re.fullmatch(row.device, device)]
    before = [CONTROLLERS.get(bus or "", ""), LACKING.get((machine, bus or ""), "")]
    before += [row.before for row in rows]
    option = ",".join([device, *filter(None, (row.properties for row in rows))])
    properties = "".join(f",{row.machine}" for row in rows if row.machine)
    return properties, " ".join([*filter(None, before), "-device", option])
