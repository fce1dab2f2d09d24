"""Hooks that devices run after loading, and that look beyond their own bytes."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.qemu_file import c_string
from mappedram.qemu.loader.ram import RamLoad


class LoadedDevice(NamedTuple):
    """A device whose state is loaded.

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


#: Offsets of the fields `state` and `rom_state_paddr`, and the length of the payload. Source: QEMU
#: hw/i386/vapic.c, vmstate_vapic, vmstate_guest_rom, vmstate_handlers.
_STATE, _ROM_STATE_PADDR, _LENGTH = 124, 140, 144
#: QEMU ROM_BLOCK_SIZE: an option ROM is aligned to it, and gives its length in blocks.
_ROM_BLOCK = 512
_ROM_LENGTH = 2


def _vapic(device: LoadedDevice, ram: RamLoad) -> None:
    """Require an option ROM where the state says: its length must not be 0.

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


#: Offset and length of the field `runstate`. Source: QEMU migration/global_state.c,
#: vmstate_globalstate.
_RUNSTATE, _RUNSTATE_LENGTH = 4, 32
#: Run states of the saved guest; the same in all these releases. Source: QEMU qapi/run-state.json,
#: RunState.
RUN_STATES = frozenset(
    (
        *("colo", "debug", "finish-migrate", "guest-panicked", "inmigrate", "internal-error"),
        *("io-error", "paused", "postmigrate", "prelaunch", "restore-vm", "running", "save-vm"),
        *("shutdown", "suspended", "watchdog"),
    )
)


#: States with no transition from `inmigrate`: QEMU aborts once all is loaded. Source: QEMU
#: system/runstate.c, runstate_transitions_def.
_UNREACHABLE = frozenset(("debug", "restore-vm", "save-vm"))


def _globalstate(device: LoadedDevice, ram: RamLoad) -> None:
    """Require a run state that exists and that the guest can enter after a load.

    Source: QEMU migration/global_state.c, global_state_post_load(); qapi/qapi-util.c,
    qapi_enum_parse(); migration/migration.c, process_incoming_migration_bh().
    """
    text = device.payload[_RUNSTATE : _RUNSTATE + _RUNSTATE_LENGTH]
    name = c_string(text[: _RUNSTATE_LENGTH - 1])
    at = device.offset + _RUNSTATE
    if len(text) < _RUNSTATE_LENGTH or any(ram.local.source.left_out(at, at + _RUNSTATE_LENGTH)):
        return  # the text is unknown
    if name not in RUN_STATES:
        raise EndedError("run-state", *ram.noticed, at=at, state=name)
    ram.behind = EndedError("run-state-unreachable", at=at) if name in _UNREACHABLE else None


#: Hooks by the name of the section.
HOOKS: Mapping[str, Callable[[LoadedDevice, RamLoad], None]] = {
    "globalstate": _globalstate,
    "kvm-tpr-opt": _vapic,
}
