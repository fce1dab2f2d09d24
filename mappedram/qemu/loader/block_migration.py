"""The live section `block`, in which QEMU up to 9.0 sends the disks of a guest.

Source: QEMU 9.0 migration/block.c, block_load().
"""

from dataclasses import dataclass

from mappedram.qemu.loader.destination import Handler
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.qemu_file import QemuFile

#: Name of the section.
IDSTR = "block"
_VERSION = 1
#: BLK_MIG_BLOCK_SIZE and BLK_MIG_FLAG_*. The low bits of a sector number hold the flags.
_BLOCK_SIZE = 1 << 20
_FLAGS_MASK = 511
_DEVICE_BLOCK, _EOS, _PROGRESS, _ZERO_BLOCK = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Disks:
    """The records of disks; the destination is assumed to have these disks."""

    def load(self, file: QemuFile, _version: int) -> None:
        """Skip the records of one section.

        Raises:
            EndedError: QEMU refuses one.
        """
        flags = 0
        while not flags & _EOS:
            flags = file.number(8) & _FLAGS_MASK
            if flags & _DEVICE_BLOCK:
                file.skip(file.number(1))
                file.skip(0 if flags & _ZERO_BLOCK else _BLOCK_SIZE)
            elif not flags & (_PROGRESS | _EOS):
                raise EndedError("disk-record", cut=file.failed, flags=flags)
            if file.failed:
                raise EndedError("disk-cut")


#: Every QEMU up to 9.0 registers this handler.
DISKS = Handler(IDSTR, 0, _VERSION, 0, Disks())
