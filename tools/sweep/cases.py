"""All ways to save a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product

from tools.qemu.recipe import MIB
from tools.sweep.guests import Guest

MAPPED_RAM = "mapped-ram"

#: Options of a machine that leave parts out of its streams, or add them, by name.
SETTINGS: dict[str, str] = {
    "": "",
    "no-footers": "-global migration.send-section-footer=off",
    "no-vmdesc": "-M suppress-vmdesc=on",
    "no-footers-no-vmdesc": "-global migration.send-section-footer=off -M suppress-vmdesc=on",
    "no-configuration": "-global migration.send-configuration=off -M suppress-vmdesc=on",
    "no-globalstate": "-global migration.store-global-state=off",
    "flush-each-section": "-global migration.multifd-flush-after-each-section=on",
    "no-switchover-start": "-global migration.send-switchover-start=off",
    "uuid": "-uuid 6d617070-6564-4261-8172-616d66696c65",
}

#: Sets of capabilities to combine with the settings.
_USUAL: tuple[tuple[str, ...], ...] = (
    (),
    (MAPPED_RAM,),
    (MAPPED_RAM, "multifd"),
    ("background-snapshot",),
    ("validate-uuid",),
    (MAPPED_RAM, "validate-uuid"),
)

_DETECTION = ("none", "legacy", "multifd")
#: Sets of capabilities, and parameters to try with them, one at a time.
_PARAMETERS: tuple[tuple[tuple[str, ...], tuple[tuple[tuple[str, object], ...], ...]], ...] = (
    (
        (MAPPED_RAM, "multifd"),
        tuple(
            (
                ("zero-page-detection", detection),
                ("direct-io", direct),
                ("multifd-channels", number),
            )
            for detection, direct, number in product(_DETECTION, (False, True), (1, 3, 8))
        ),
    ),
    ((MAPPED_RAM,), tuple((("zero-page-detection", detection),) for detection in _DETECTION)),
    ((), tuple((("zero-page-detection", detection),) for detection in _DETECTION)),
    (("xbzrle",), ((("xbzrle-cache-size", 64 << 10),), (("xbzrle-cache-size", MIB),))),
    *(
        (
            names,
            (
                (("mode", "cpr-reboot"),),
                (("direct-io", True),),
                (("max-bandwidth", 4 * MIB), ("downtime-limit", 1)),
                (("multifd-compression", "zlib"),),
                (("multifd-compression", "zstd"),),
                (("avail-switchover-bandwidth", MIB),),
            ),
        )
        for names in ((), (MAPPED_RAM,), (MAPPED_RAM, "multifd"), (MAPPED_RAM, "x-ignore-shared"))
    ),
)
#: Other offsets of a stream in its file.
OFFSETS = (0x1239, 1 << 20)


@dataclass(frozen=True)
class Case:
    """One way to save one machine.

    Attributes:
        guest: the machine.
        capabilities: switched on at both sides.
        parameters: set at both sides.
        setting: a name of `SETTINGS`.
        offset: where the stream begins.
        way: `migrate`, or `devices` for the command of Xen that leaves memory out.
    """

    guest: Guest
    capabilities: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    setting: str = ""
    offset: int = 0
    way: str = "migrate"

    @property
    def name(self) -> str:
        """Name that is unique for one QEMU."""
        parts = [
            self.guest.name,
            self.setting,
            "+".join(self.capabilities) or "plain",
            ",".join(f"{key}={value}" for key, value in self.parameters.items()),
            f"offset={self.offset:#x}" if self.offset else "",
            self.way if self.way != "migrate" else "",
        ]
        return "/".join(filter(None, parts))


def cases(guest: Guest, capabilities: Iterable[str]) -> Iterator[Case]:
    """All ways to save a machine with a QEMU that has these capabilities."""
    others = [name for name in capabilities if name != MAPPED_RAM]
    for first in ((), (MAPPED_RAM,)):
        for number in range(3 if guest.thorough else 2):
            for names in combinations(others, number):
                yield Case(guest, first + names)
    if guest.thorough:
        yield from _parameters(guest)
        yield from _settings(guest)


def _parameters(guest: Guest) -> Iterator[Case]:
    for names, choices in _PARAMETERS:
        for choice in choices:
            yield Case(guest, names, dict(choice))
    for offset, names in product(OFFSETS, ((), (MAPPED_RAM,), (MAPPED_RAM, "multifd"))):
        yield Case(guest, names, offset=offset)


def _settings(guest: Guest) -> Iterator[Case]:
    for setting, names in product(filter(None, SETTINGS), _USUAL):
        yield Case(guest, names, setting=setting)
    yield Case(guest, setting="no-configuration", way="devices")
