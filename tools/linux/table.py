"""The guests to boot, each for one reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """One guest.

    Attributes:
        name: its name on the command line.
        reason: its distinguishing feature.
        args: QEMU's arguments besides kernel, initrd and console.
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
