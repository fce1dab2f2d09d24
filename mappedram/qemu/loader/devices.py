"""Payloads of devices: how many bytes a device reads, by the JSON text of a snapshot.

Source: QEMU migration/vmstate.c, vmstate_load_state() and vmstate_subsection_load().
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from mappedram.format.constants import SectionType
from mappedram.json_types import Json
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.qemu_file import QemuFile, c_string

#: Key of the name of a description in the JSON text.
_DESCRIPTION = "vmsd_name"
#: Payload sizes of older versions, by description and version. The JSON text has the newest version
#: only. Source: QEMU system/cpu-timers.c, vmstate_timers.
OLDER_VERSIONS: Mapping[tuple[str, int], int] = {("timer", 1): 16}
#: Descriptions without a minimum version and without versions of fields: version 0 works as well.
#: Source: QEMU hw/ide/ich.c, vmstate_ich9_ahci.
_WITHOUT_MINIMUM = frozenset({"ich9_ahci"})


class Loadable(Protocol):
    """Reader of the payload of a section."""

    def load(self, file: QemuFile, version: int, /) -> None:
        """Skip one payload of this version.

        Raises:
            EndedError: QEMU refuses it.
        """


@dataclass(frozen=True, slots=True)
class DevicePayload:
    """The bytes that one description of a device (QEMU: VMStateDescription) reads.

    Attributes:
        name: of the description; the names of its subsections begin with it.
        length: bytes of its fields.
        version: its version; None if the text gives none, as for devices that load themselves
            (QEMU: vmstate_save_old_style()).
        subsections: those that the snapshot has for any device with this description.
        ends_nested: whether the last field is a structure, after which QEMU looks for subsections.
    """

    name: str
    length: int
    version: int | None
    subsections: tuple["DevicePayload", ...] = field(default=())
    ends_nested: bool = False

    def of_version(self, version: int) -> "DevicePayload":
        """The same payload with this version, if it has none of its own."""
        return self if self.version is not None else replace(self, version=version)

    def load(self, file: QemuFile, version: int) -> None:
        """Skip the bytes that the device reads.

        Raises:
            EndedError: the device refuses them.
        """
        if self.version is not None and version > self.version:
            raise EndedError("device-too-new", name=self.name, version=version, local=self.version)
        if version == self.version or (version == 0 and self.name in _WITHOUT_MINIMUM):
            file.skip(self.length)
        elif (self.name, version) in OLDER_VERSIONS:
            file.skip(OLDER_VERSIONS[self.name, version])
        else:
            # The text does not tell the oldest version, nor the fields of older ones.
            raise EndedError("device", certain=False)
        if file.failed or (self.ends_nested and not file.peek(0, 1)):
            raise EndedError("device-cut")
        self._load_subsections(file)

    def _load_subsections(self, file: QemuFile) -> None:
        known = {sub.name: sub for sub in self.subsections}
        while file.peek(0, 1) == bytes([SectionType.SUBSECTION]):
            length = int.from_bytes(file.peek(1, 1), "big")
            name = c_string(file.peek(2, length)) if length > len(self.name) else ""
            if not name.startswith(self.name):
                return
            if name not in known:
                raise EndedError("device", certain=False)
            file.skip(2 + length)
            known[name].load(file, file.number(4) & 0xFF)


def payloads(document: Mapping[str, Json]) -> dict[tuple[str, int], DevicePayload]:
    """The payload of each device, by `idstr` and `instance_id`; of duplicates, the first.

    Devices without a description, or with one that QEMU does not write, are left out: they read
    bytes by code of their own, and the text has the length of one payload only. Source: QEMU
    migration/savevm.c, vmstate_save_old_style().
    """
    found: dict[tuple[str, int], DevicePayload] = {}
    devices: Any = document.get("devices")
    for device in devices if isinstance(devices, list) else ():
        try:
            key = (str(device["name"]), int(device["instance_id"]))
            if _DESCRIPTION in device:
                found.setdefault(key, _payload(device))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            continue
    return _sharing_subsections(found)


def _sharing_subsections(
    found: Mapping[tuple[str, int], DevicePayload],
) -> dict[tuple[str, int], DevicePayload]:
    """Let all devices of one description read what any of them has saved.

    A device saves a subsection only if it needs it, but loads it in any case.
    """
    known: dict[tuple[str, int | None], dict[str, DevicePayload]] = {}
    for payload in found.values():
        subsections = known.setdefault((payload.name, payload.version), {})
        for subsection in payload.subsections:
            subsections.setdefault(subsection.name, subsection)
    return {
        key: replace(payload, subsections=(*known[payload.name, payload.version].values(),))
        for key, payload in found.items()
    }


def _payload(description: Mapping[str, Any]) -> DevicePayload:
    entries = description.get("fields", ())
    length = sum(_size(entry["size"]) * _size(entry.get("array_len", 1)) for entry in entries)
    return DevicePayload(
        str(description.get(_DESCRIPTION, description.get("name", ""))),
        length,
        _size(description["version"]) if "version" in description else None,
        tuple(_inner(description.get("subsections", ()))),
        ends_nested=bool(entries) and "struct" in entries[-1],
    )


def _inner(subsections: Any) -> Iterator[DevicePayload]:
    return (_payload(subsection) for subsection in subsections)


def _size(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise TypeError(f"not a size: {value!r}")
    return value
