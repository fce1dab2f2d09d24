"""Compare the table with the lists of installed emulators."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mappedram.qemu.loader.machines import Row
from tools.machines.listed import Listed

#: Targets built from a folder of `hw`, if they have other names.
_TARGETS: dict[str, tuple[str, ...]] = {
    "arm": ("aarch64", "arm"),
    "i386": ("i386", "x86_64"),
    "loongarch": ("loongarch64",),
    "microblaze": ("microblaze", "microblazeel"),
    "mips": ("mips", "mips64", "mips64el", "mipsel"),
    "nitro": ("aarch64", "x86_64"),
    "openrisc": ("or1k",),
    "ppc": ("ppc", "ppc64"),
    "remote": ("i386", "x86_64"),
    "riscv": ("riscv32", "riscv64"),
    "sh4": ("sh4", "sh4eb"),
    "vmapple": ("aarch64",),
    "xenpv": ("i386", "x86_64"),
    "xtensa": ("xtensa", "xtensaeb"),
}
#: Machine types that only some builds have, with their requirements.
_OPTIONAL = {
    "nitro-enclave": "libcbor",
    "vmapple": "macOS",
    "xenfv-3.1": "Xen",
    "xenfv-4.2": "Xen",
    "xenpv": "Xen",
    "xenpvh": "Xen",
}


@dataclass(frozen=True)
class Difference:
    """A machine type that only the table has, or only an emulator.

    Attributes:
        release: such as `10.0`.
        machine: name of the machine type.
        where: where it was found: a binary, or a folder of QEMU's source.
        reason: why it is missing elsewhere; None if unexplained.
    """

    release: str
    machine: str
    where: str
    reason: str | None


def differences(rows: Collection[Row], listed: Collection[Listed]) -> Iterator[Difference]:
    """All differences, for the releases of the emulators."""
    for release in sorted({entry.release for entry in listed}):
        here = [entry for entry in listed if entry.release == release]
        having = [row for row in rows if _has(row, release)]
        names = {row.machine for row in having}
        for entry in here:
            for machine in sorted(entry.machines - names):
                yield Difference(release, machine, str(entry.binary), None)
        for row in having:
            yield from _missing(row, release, here)


def _has(row: Row, release: str) -> bool:
    first, number, last = (
        tuple(map(int, text.split("."))) for text in (row.first, release, row.last)
    )
    return first <= number <= last


def _missing(row: Row, release: str, listed: Collection[Listed]) -> Iterator[Difference]:
    targets = _TARGETS.get(row.folder, (row.folder,))
    of_folder = [entry for entry in listed if row.folder == "core" or entry.target in targets]
    if any(row.machine in entry.machines for entry in of_folder):
        return
    reason = None
    if not of_folder:
        reason = f"no emulator of {' or '.join(targets)} is at hand"
    elif row.machine in _OPTIONAL:
        reason = f"only builds with {_OPTIONAL[row.machine]} have it"
    yield Difference(release, row.machine, f"hw/{row.folder}", reason)
