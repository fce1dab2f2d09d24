"""Machines with every known division of memory, and the uncertain blocks of each."""

from dataclasses import dataclass

#: A backend of memory: name and size.
BACKEND = " -object memory-backend-ram,id={},size={}"


def backends(**sizes: str) -> str:
    """Options for memory backends."""
    return "".join(BACKEND.format(name, size) for name, size in sizes.items())


def nodes(*names: str) -> str:
    """Options for NUMA nodes, in order."""
    return "".join(f" -numa node,memdev={name}" for name in names)


def dimms(*names: str) -> str:
    """Options for DIMMs, in order."""
    return "".join(f" -device pc-dimm,memdev={name}" for name in names)


@dataclass(frozen=True)
class Configuration:
    """A machine.

    Attributes:
        args: QEMU's options; `{dir}` is a folder with the tiny firmware of the fixtures.
        arch: the emulator.
        unsure: blocks that the map marks as uncertain.
        elsewhere: blocks that QEMU maps and our map leaves out.
        ruled: whether the rule alone gives the same map, without the file's state.
        until: the first release that lacks the machine, or maps it otherwise; None if none does.
        since: the first release that has the machine.
    """

    args: str
    arch: str = "x86_64"
    unsure: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    ruled: bool = True
    until: tuple[int, int, int] | None = None
    since: tuple[int, int, int] = (0, 0, 0)


PC, Q35 = "-M pc-i440fx-10.0", "-M pc-q35-10.0"
PLUGS = ",slots=4,maxmem=16G"

CONFIGURATIONS = {
    "pc-small": Configuration(f"{PC} -m 8M"),
    "pc-odd": Configuration(f"{PC} -m 100040K"),
    "pc-below-split": Configuration(f"{PC} -m 3583M"),
    "pc-at-split": Configuration(f"{PC} -m 3584M"),
    "pc-5g": Configuration(f"{PC} -m 5G"),
    "pc-2.8": Configuration("-M pc-i440fx-2.8 -m 3584M", until=(11, 0, 0)),
    "pc-max-2g": Configuration(f"{PC},max-ram-below-4g=2G -m 5G", ruled=False),
    "pc-max-4g": Configuration(f"{PC},max-ram-below-4g=4G -m 3900M", ruled=False),
    "q35-below-split": Configuration(f"{Q35} -m 2815M"),
    "q35-at-split": Configuration(f"{Q35} -m 2816M"),
    "q35-5g": Configuration(f"{Q35} -m 5G"),
    "q35-max-1g": Configuration(f"{Q35},max-ram-below-4g=1G -m 2G", ruled=False),
    "q35-vga": Configuration(f"{Q35} -m 64M -vga std"),
    "pc-vga": Configuration(f"{PC} -m 64M -vga cirrus"),
    "pc-virtio-vga": Configuration(f"{PC} -m 64M -vga virtio"),
    "pc-second-display": Configuration(f"{PC} -m 64M -device secondary-vga"),
    "q35-flash": Configuration(
        f"{Q35},pflash0=f0,pflash1=f1 -m 64M"
        " -blockdev null-co,node-name=f0,size=3653632,read-zeroes=on,read-only=on"
        " -blockdev null-co,node-name=f1,size=540672,read-zeroes=on"
    ),
    "q35-9.0-flash": Configuration(
        "-M pc-q35-9.0,pflash0=f0 -m 64M"
        " -blockdev null-co,node-name=f0,size=4194304,read-zeroes=on,read-only=on"
    ),
    "q35-tiny-firmware": Configuration(f"{Q35} -m 64M -bios {{dir}}/halt.bin"),
    "isapc": Configuration("-M isapc -m 3500M"),
    "isapc-vga": Configuration(
        "-M isapc -m 64M -vga std", elsewhere=frozenset({"vga.vram"}), until=(11, 0, 0)
    ),
    "numa-1g-3g": Configuration(
        f"{Q35} -m 4G" + backends(one="1G", three="3G") + nodes("one", "three")
    ),
    "numa-alike": Configuration(
        f"{PC} -m 5G" + backends(a="1G", b="3G", c="1G") + nodes("a", "b", "c"),
        unsure=frozenset("abc"),
    ),
    "numa-of-libvirt": Configuration(
        f"{PC} -m 3G"
        + backends(**{"ram-node1": "1G", "ram-node0": "1G", "ram-node10": "1G"})
        + nodes("ram-node0", "ram-node1", "ram-node10"),
    ),
    "numa-and-dimm": Configuration(
        f"{PC} -m 3G{PLUGS}"
        + backends(first="1G", dimm="512M", second="2G")
        + nodes("first", "second")
        + dimms("dimm"),
        unsure=frozenset({"dimm"}),
    ),
    "dimm": Configuration(
        f"{Q35} -m 1G{PLUGS}" + backends(d="1G") + dimms("d"), unsure=frozenset("d")
    ),
    "dimms": Configuration(
        f"{PC} -m 5G{PLUGS}" + backends(d="1G", e="512M") + dimms("d", "e"),
        unsure=frozenset("de"),
    ),
    "dimm-behind-odd-memory": Configuration(
        f"{Q35} -m 2900M{PLUGS}" + backends(d="1G") + dimms("d"), unsure=frozenset("d")
    ),
    "virtio-mem": Configuration(
        f"{Q35} -m 1G{PLUGS}" + backends(vm0="2G") + " -device virtio-mem-pci,memdev=vm0",
        elsewhere=frozenset({"vm0"}),  # none of it is plugged in
    ),
    "nvdimm": Configuration(
        f"{Q35},nvdimm=on -m 1G{PLUGS}"
        + backends(n="1G", m="768M")
        + " -device nvdimm,memdev=n -device nvdimm,memdev=m"
    ),
    "nvdimm-and-dimm": Configuration(
        f"{PC},nvdimm=on -m 1G{PLUGS}"
        + backends(n="1G", d="512M")
        + " -device nvdimm,memdev=n,label-size=128K -device pc-dimm,memdev=d",
        unsure=frozenset("d"),
    ),
    "ivshmem": Configuration(
        f"{Q35} -m 64M" + backends(shared="1M") + " -device ivshmem-plain,memdev=shared,master=on"
    ),
    "microvm": Configuration("-M microvm -m 256M"),
    "microvm-at-split": Configuration("-M microvm -m 3G"),
    "microvm-4g": Configuration("-M microvm -m 4G"),
    "aarch64": Configuration("-M virt -cpu cortex-a57 -m 2G", "aarch64"),
    "aarch64-numa-and-dimm": Configuration(
        "-M virt-10.0 -cpu cortex-a57 -bios {dir}/halt.bin -m 1536M,slots=2,maxmem=4G"
        + backends(a="512M", b="1G", d="256M")
        + nodes("b", "a")
        + dimms("d"),
        "aarch64",
        unsure=frozenset("d"),
    ),
    "sbsa-ref": Configuration(
        "-M sbsa-ref -m 1G", "aarch64", elsewhere=frozenset({"sbsa-ref.secure-ram"})
    ),
    "riscv64": Configuration("-M virt -m 3G -bios none", "riscv64"),
    "s390x": Configuration("-M s390-ccw-virtio -m 1G", "s390x"),
    "ppc64": Configuration("-M pseries -m 1G", "ppc64"),
    "m68k": Configuration("-M virt -m 512M", "m68k"),
    "loongarch64": Configuration("-M virt -m 2G", "loongarch64"),
    "none": Configuration("-M none -m 64M"),
    "raspi0": Configuration("-M raspi0", "arm"),
    "raspi1ap": Configuration("-M raspi1ap", "arm"),
    "raspi2b": Configuration("-M raspi2b", "arm"),
    "raspi3ap": Configuration("-M raspi3ap", "aarch64"),
    "raspi3b": Configuration("-M raspi3b", "aarch64"),
    "raspi4b": Configuration("-M raspi4b", "aarch64"),
    "zcu102": Configuration("-M xlnx-zcu102 -audio none -m 1G", "aarch64"),
    "zcu102-3g": Configuration("-M xlnx-zcu102 -audio none -m 3G", "aarch64"),
    "mac99": Configuration("-M mac99 -m 1G", "ppc"),
    "mac99-64-bits": Configuration("-M mac99 -m 2G", "ppc64"),
    "g3beige": Configuration("-M g3beige -m 512M", "ppc"),
    "powernv8": Configuration("-M powernv8 -m 2G -smp 4,sockets=4", "ppc64"),
    "powernv9": Configuration("-M powernv9 -m 5G -smp 8,sockets=2,cores=2,threads=2", "ppc64"),
    "powernv10": Configuration("-M powernv10 -m 2G -smp 2,sockets=2", "ppc64"),
    "powernv10-rainier": Configuration("-M powernv10-rainier -m 1G", "ppc64"),
    "powernv11": Configuration("-M powernv11 -m 1G", "ppc64", since=(11, 0, 0)),
    "sifive_u": Configuration("-M sifive_u -m 2G -bios none", "riscv64"),
    "sifive_u-32-bits": Configuration("-M sifive_u -m 512M -bios none", "riscv32"),
    **{
        name: Configuration(f"-M {name}", "arm")
        for name in ("mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps2-an511")
    },
    "mps2-an521": Configuration("-M mps2-an521", "arm"),
    "aarch64-virtio-mem": Configuration(
        "-M virt -cpu cortex-a57 -m 1G,slots=2,maxmem=4G"
        + backends(vm0="1G")
        + " -device virtio-mem-pci,memdev=vm0",
        "aarch64",
        elsewhere=frozenset({"vm0"}),
    ),
    "s390x-virtio-mem": Configuration(
        "-M s390-ccw-virtio -m 1G,maxmem=4G"
        + backends(vm0="1G")
        + " -device virtio-mem-ccw,memdev=vm0",
        "s390x",
        elsewhere=frozenset({"vm0"}),
    ),
}
