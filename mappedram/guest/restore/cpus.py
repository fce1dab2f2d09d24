"""Options for virtual CPUs: number, topology, and the model where the state tells it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

from mappedram.guest.restore.items import Item
from mappedram.guest.restore.parts import Part, Workshop
from mappedram.stream.model import Stream
from mappedram.stream.vmstate import Value

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

#: Sections of each CPU.
_PER_CPU = ("cpu_common", "cpu", "apic")
_CPUS_MAX = 4096
#: Emulators of Arm.
ARM = ("aarch64", "arm")

#: Fields of a CPU whose elements are 4 bytes long in a 32-bit emulator, by the 64-bit one.
_SHORT = 4
_WORDS = {"x86_64": ("env.regs", "i386"), "riscv64": ("env.gpr", "riscv32")}

#: Registers of an Arm CPU that tell its model: PMCR_EL0, of which the guest cannot change the upper
#: half, and ID_AA64MMFR0_EL1. Source: QEMU target/arm/kvm-consts.h; values of 10.0.2.
_PMCR, _MMFR0 = 0x603000000013DCE0, 0x603000000013C038
_ARM_MODELS = {
    (0x4601, 0x1122): "a64fx",
    (0x410A, 0x101122): "cortex-a35",
    (0x4103, 0x1122): "cortex-a53",
    (0x410B, 0x101122): "cortex-a76",  # cortex-a55 has the same; see _ARM_BY_NUMBER
    (0x4101, 0x1124): "cortex-a57",
    (0x4102, 0x1124): "cortex-a72",
    (0x0000, 0x22200101122): "cortex-a710",
    (0x0000, 0x22200101125): "neoverse-n2",
    (0x410C, 0x101125): "neoverse-n1",
    (0x4121, 0x101125): "neoverse-v1",
    (0x4101, 0x2100032310201126): "max",
    (0x410F, None): "cortex-a15",
    (0x4107, None): "cortex-a7",
}
#: Registers of an exception level, and the option that adds it: HCR_EL2 and SCR_EL3.
_EXCEPTION_LEVELS = (
    (0x603000000013E088, "virtualization=on"),
    (0x603000000013F088, "secure=on"),
)
#: Number of registers of a model that has the same values as another.
_ARM_BY_NUMBER = {("cortex-a76", 276): "cortex-a55"}


def emulator_of(stream: Stream, arch: str) -> tuple[str, str | None]:
    """The emulator for the CPUs of a file, and the evidence if it is the one for 32 bits.

    Args:
        stream: the headers.
        arch: the emulator for 64 bits that has the machine type.
    """
    field, other = _WORDS.get(arch, ("", ""))
    size = _field_size(stream, field) if field else None
    if size == _SHORT:
        return other, f"4-byte {field!r} in the state of the CPU"
    return arch, None


def _field_size(stream: Stream, name: str) -> int | None:
    """Bytes of a field of the CPU, as the JSON description says."""
    document = stream.vmdescription.document if stream.vmdescription else None
    devices = document.get("devices") if document else None
    for device in devices if isinstance(devices, Sequence) else ():
        if not isinstance(device, Mapping) or device.get("name") != "cpu":
            continue
        fields = device.get("fields")
        for field in fields if isinstance(fields, Sequence) else ():
            if isinstance(field, Mapping) and field.get("name") == name:
                size = field.get("size")
                return size if isinstance(size, int) else None
    return None


def cpu_parts(snapshot: "OpenSnapshot", shop: Workshop, arch: str | None) -> Iterator[Part]:
    """The options for CPUs."""
    numbers = [item.instance_id for item in shop.remaining.sections("cpu_common")]
    topology = _topology(sorted(item.instance_id for item in shop.remaining.sections("apic")))
    covers = shop.remaining.take(lambda item: item.kind == "section" and item.idstr in _PER_CPU)
    if len(numbers) > 1 or topology:
        extra = f",{topology}" if topology else ""
        yield Part(("-smp", f"{max(len(numbers), 1)}{extra}"), covers)
    elif covers:
        yield Part((), covers)
    model = _arm_model(snapshot) if arch in ARM else None
    if model:
        yield Part(("-cpu", model))


def cpu_count(items: Sequence[Item]) -> int:
    """Number of virtual CPUs."""
    return sum(item.kind == "section" and item.idstr == "cpu_common" for item in items)


def _topology(apic_ids: Sequence[int]) -> str:
    """Properties of -smp that give these APIC IDs; empty if they are 0, 1, 2 ... or not possible.

    Each level has as many bits as its number needs. Source: QEMU include/hw/i386/topology.h.
    """
    number = len(apic_ids)
    if number > _CPUS_MAX or list(apic_ids) == list(range(number)):
        return ""
    divisors = [one for one in range(1, number + 1) if number % one == 0]
    for threads, cores in product(divisors, divisors):
        sockets, rest = divmod(number, threads * cores)
        if not rest and _apic_ids(sockets, cores, threads) == list(apic_ids):
            return f"sockets={sockets},cores={cores},threads={threads}"
    return ""


def _apic_ids(sockets: int, cores: int, threads: int) -> list[int]:
    low = (threads - 1).bit_length()
    high = low + (cores - 1).bit_length()
    places = product(range(sockets), range(cores), range(threads))
    return [socket << high | core << low | thread for socket, core, thread in places]


def arm_properties(snapshot: "OpenSnapshot") -> Iterator[str]:
    """Properties of an Arm machine that give its CPUs further registers."""
    registers = _arm_registers(snapshot)
    for register, option in _EXCEPTION_LEVELS:
        if register in registers:
            yield option


def _arm_registers(snapshot: "OpenSnapshot") -> dict[int, Value]:
    """The system registers of the first CPU."""
    cpu = next((one for one in snapshot.state if one.idstr == "cpu"), None)
    names = cpu.get("cpreg_vmstate_indexes") if cpu else None
    values = cpu.get("cpreg_vmstate_values") if cpu else None
    if not isinstance(names, list) or not isinstance(values, list):
        return {}
    return {name: one for name, one in zip(names, values, strict=False) if isinstance(name, int)}


def _arm_model(snapshot: "OpenSnapshot") -> str | None:
    """The value for -cpu; None if the registers are of no known model."""
    registers = _arm_registers(snapshot)
    pmcr, mmfr0 = registers.get(_PMCR), registers.get(_MMFR0)
    if not isinstance(pmcr, int) or not isinstance(mmfr0, int | None):
        return None
    model = _ARM_MODELS.get((pmcr >> 16, mmfr0))
    return _ARM_BY_NUMBER.get((model or "", len(registers)), model)
