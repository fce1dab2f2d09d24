"""Which guests are booted, each for one reason, and which files are taken of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """One guest.

    Attributes:
        name: by which it is asked for.
        reason: what it has that no other has.
        args: what QEMU is given besides kernel, initrd and console.
    """

    name: str
    reason: str
    args: str


TABLE = {
    variant.name: variant
    for variant in (
        Variant(
            "q35",
            "one piece of memory, and nothing that tells the host of VMCOREINFO",
            "-machine q35 -m 384M -smp 2",
        ),
        Variant(
            "q35-high",
            "half of the memory above 4 GiB, and VMCOREINFO handed to the host",
            "-machine q35,max-ram-below-4g=192M -m 384M -smp 2 -device vmcoreinfo",
        ),
        Variant(
            "pc",
            "the other machine, with one CPU",
            "-machine pc -m 256M -smp 1",
        ),
    )
}
