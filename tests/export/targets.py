"""Guests of all targets for which QEMU can write an ELF core, except PCs."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.export.guests import MIB, RUNS
from tests.qemu.test_fresh import binary
from tools.qemu import Machine, distinct, pattern


@dataclass(frozen=True)
class Target:
    """A machine whose first CPU has run a program of `tools.qemu.distinct`.

    Attributes:
        arch: the emulator.
        machine: the machine type, with options.
        program: the program.
        ended: regular expression that QEMU's output of the registers matches when it has ended.
        elf: machine, bits and byte order of QEMU's core.
        notes: name and type of the notes of a CPU.
        cpu: the option `-cpu`.
        cpus: number of CPUs.
        size: MiB of memory.
        ram: whether the machine takes a backend for its memory, with a pattern.
        load: option that brings the program into the machine.
        lengths: vector lengths of the CPU, for `--vector-lengths`.
    """

    arch: str
    machine: str
    program: bytes
    ended: str
    elf: tuple[str, int, str]
    notes: tuple[tuple[str, int], ...]
    cpu: str = ""
    cpus: int = 2
    size: int = 64
    ram: bool = True
    load: str = "-bios {program}"
    lengths: str = ""


_PRSTATUS, _FPREGSET = ("CORE", 1), ("CORE", 2)
_AARCH64 = (_PRSTATUS, _FPREGSET)
_SVE = (*_AARCH64, ("LINUX", 0x405))
_ARM = (_PRSTATUS, ("LINUX", 0x400))
_S390X = (
    *(_PRSTATUS, _FPREGSET),
    *(("LINUX", kind) for kind in (0x305, 0x304, 0x301, 0x302, 0x303, 0x309, 0x30A, 0x30B)),
)
_PPC = (_PRSTATUS, _FPREGSET, *(("CORE", kind) for kind in (0x100, 0x102, 0x101)))
#: Output for registers that a program loads last.
_A64, _A32 = r"PSTATE=0*800003c5", r"R14=ae0ef0a0"
_PPC64 = r"GPR28 .*a0f01fbfa0f11fbf"
_LOADER = "-device loader,file={program},addr=0,force-raw=on"

TARGETS = {
    "aarch64": Target(
        *("aarch64", "virt", distinct.aarch64(), _A64),
        *(("EM_AARCH64", 64, "<"), _AARCH64, "cortex-a57"),
    ),
    "aarch64-big": Target(
        *("aarch64", "virt", distinct.aarch64(big=True), _A64),
        *(("EM_AARCH64", 64, ">"), _AARCH64, "cortex-a57"),
    ),
    **{
        f"aarch64-in-aarch32-{mode:#x}": Target(
            *("aarch64", "virt,virtualization=on", distinct.aarch64_in_aarch32(mode), _A32),
            *(("EM_AARCH64", 64, "<"), _AARCH64, "cortex-a57"),
        )
        for mode in distinct.MODES
    },
    "sve-max": Target(
        *("aarch64", "virt", distinct.aarch64_sve(8), _A64),
        *(("EM_AARCH64", 64, "<"), _SVE, "max"),
        cpus=1,
        lengths=",".join(str(bits) for bits in range(128, 2049, 128)),
    ),
    "sve-rounded-down": Target(
        *("aarch64", "virt", distinct.aarch64_sve(3), _A64),
        *(("EM_AARCH64", 64, "<"), _SVE, "a64fx"),
        cpus=1,
        lengths="128,256,512",
    ),
    "sve-more-than-there-is": Target(
        *("aarch64", "virt", distinct.aarch64_sve(16), _A64),
        *(("EM_AARCH64", 64, "<"), _SVE, "neoverse-v1"),
        cpus=1,
        lengths="128,256",
    ),
    # EL2 limits all to 128 bits, so that the CPUs have notes of one size.
    "sve-under-el2": Target(
        *("aarch64", "virt,virtualization=on", distinct.aarch64_sve(16), r"PSTATE=0*800003c9"),
        *(("EM_AARCH64", 64, "<"), _SVE, "a64fx"),
        lengths="128,256,512",
    ),
    "arm": Target(
        *("arm", "virt", distinct.arm(), _A32), *(("EM_ARM", 32, "<"), _ARM, "cortex-a15")
    ),
    "arm-big": Target(
        *("arm", "virt", distinct.arm(big=True), _A32),
        *(("EM_ARM", 32, ">"), _ARM, "cortex-a15"),
    ),
    "riscv64": Target(
        *("riscv64", "virt", distinct.riscv64(), r"x31/t6 +00071f0000000021"),
        *(("EM_RISCV", 64, "<"), (_PRSTATUS,)),
    ),
    "riscv32": Target(
        *("riscv32", "virt", distinct.riscv32(), r"x31/t6 +71f00021"),
        *(("EM_RISCV", 32, "<"), (_PRSTATUS,)),
    ),
    "loongarch64": Target(
        *("loongarch64", "virt", distinct.loongarch64(), r"r31 c0001f0000c000df"),
        *(("EM_LOONGARCH", 64, "<"), (_PRSTATUS, _FPREGSET)),
        size=512,
    ),
    "s390x": Target(
        *("s390x", "s390-ccw-virtio", distinct.s390x(), r"R15=e0f00fefe0f10fef"),
        *(("EM_S390", 64, ">"), _S390X),
    ),
    "ppc": Target(
        *("ppc", "mac99", distinct.ppc(), r"GPR28 .*a0f01fbf"),
        *(("EM_PPC", 32, ">"), _PPC),
        cpus=1,
    ),
    "powernv8": Target(
        *("ppc64", "powernv8", distinct.ppc64(), _PPC64),
        *(("EM_PPC64", 64, ">"), _PPC),
        cpus=1,
        size=1024,
    ),
    "powernv8-little": Target(
        *("ppc64", "powernv8", distinct.ppc64(hid0=1 << 44), _PPC64),
        *(("EM_PPC64", 64, "<"), _PPC),
        cpus=1,
        size=1024,
    ),
    "powernv9-little": Target(
        *("ppc64", "powernv9", distinct.ppc64(hid0=1 << 59), _PPC64),
        *(("EM_PPC64", 64, "<"), _PPC),
        cpus=1,
        size=1024,
    ),
    **{
        name: Target(
            *("arm", name, distinct.cortex_m(vector=vector), r"R14=ad0df0a0"),
            *(("EM_ARM", 32, "<"), notes),
            cpus=1,
            ram=False,
            load=_LOADER,
        )
        for name, vector, notes in (
            ("mps2-an385", False, (_PRSTATUS,)),
            ("mps2-an386", True, _ARM),
        )
    },
    "ppc64": Target(
        *("ppc64", "pseries", distinct.ppc64(), _PPC64),
        *(("EM_PPC64", 64, ">"), _PPC, "power8"),
        size=256,
    ),
    "ppc64-little": Target(
        *("ppc64", "pseries", distinct.ppc64(little=True), _PPC64),
        *(("EM_PPC64", 64, "<"), _PPC, "power10"),
        size=256,
    ),
}


@contextmanager
def stopped_target(target: Target, directory: Path) -> Iterator[Machine]:
    """The machine after the program has ended."""
    (directory / "program").write_bytes(target.program)
    arguments = f"-accel tcg -machine {target.machine}"
    if target.ram:
        pages = target.size * MIB // 4096
        runs = (*RUNS, (pages - 32, pages))
        pattern.fill(directory / "ram", target.size * MIB, 4096, runs, pattern.seed(b"RAM0"))
        arguments += (
            f",memory-backend=ram -object memory-backend-file,id=ram,size={target.size}M,share=off,"
            f"mem-path={directory}/ram -m {target.size}M"
        )
    arguments += f" -smp {target.cpus} {target.load.format(program=directory / 'program')}"
    arguments += f" -cpu {target.cpu}" if target.cpu else ""
    with Machine(binary(target.arch), shlex.split(arguments)) as machine:
        machine.qmp("cont")
        ended = re.compile(target.ended)
        machine.wait_until(lambda: bool(ended.search(machine.hmp("info registers"))), ended.pattern)
        machine.qmp("stop")
        yield machine
