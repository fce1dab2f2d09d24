"""Hooks that devices run once they are loaded, and that look beyond their own bytes."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from mappedram.loader.endings import EndedError
from mappedram.loader.ram import RamLoad


class Loaded(NamedTuple):
    """A device that has its state.

    Attributes:
        idstr: name of its section.
        instance_id: number among those of the same name.
        version_id: of the section.
        payload: bytes between the header of the section and its footer.
        offset: where in the file the payload begins.
    """

    idstr: str
    instance_id: int
    version_id: int
    payload: bytes
    offset: int


#: Where the fields `state` and `rom_state_paddr` stand, and how long all of it is. Source: QEMU
#: hw/i386/vapic.c, vmstate_vapic, vmstate_guest_rom, vmstate_handlers.
_STATE, _ROM_STATE_PADDR, _LENGTH = 124, 140, 144
#: QEMU ROM_BLOCK_SIZE: an option ROM begins at a multiple of it, and says its length in blocks.
_ROM_BLOCK = 512
_ROM_LENGTH = 2


def _vapic(device: Loaded, ram: RamLoad) -> None:
    """An option ROM has to stand where the state says that it is: its length must not be 0.

    Source: QEMU hw/i386/vapic.c, vapic_post_load(), vapic_map_rom_writable().
    """
    if len(device.payload) != _LENGTH:
        return
    state, place = (
        int.from_bytes(device.payload[start : start + 4], "big")
        for start in (_STATE, _ROM_STATE_PADDR)
    )
    if not state and not place:
        return
    rom = place - place % _ROM_BLOCK
    if ram.byte_at(rom + _ROM_LENGTH) == 0:
        raise EndedError(
            "hook",
            *ram.noticed,
            at=device.offset + _ROM_STATE_PADDR,
            idstr=device.idstr,
            instance_id=device.instance_id,
            version=device.version_id,
        )


#: By the name of the section.
HOOKS: Mapping[str, Callable[[Loaded, RamLoad], None]] = {"kvm-tpr-opt": _vapic}
