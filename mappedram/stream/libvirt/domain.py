"""Facts from the XML of a domain that this package shows."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple
from xml.parsers import expat

#: Maximum length of a text that libvirt accepts from a client. Source: libvirt
#: src/remote/remote_protocol.x.
TEXT_MAX = 4 << 20
#: Maximum length of a domain's name; text after that is dropped.
_NAME_MAX = 4096
#: Disks whose places are kept.
_DISKS_MAX = 64
#: Attributes that say where a disk has its bytes. Source: libvirt docs/formatdomain.rst.
_SOURCES = ("file", "dev", "dir", "name", "volume", "path")
#: How deep a device stands: domain, devices, and itself.
_DEVICE_DEPTH = 3
_NUMBER = re.compile("[0-9]{1,18}")
#: Bytes in each unit, in lower case. Source: libvirt src/util/virutil.c, virScaleInteger().
_UNITS: dict[str, int] = {
    "b": 1,
    "bytes": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgtpe", start=1)},
    **{f"{letter}ib": 1 << 10 * power for power, letter in enumerate("kmgtpe", start=1)},
    **{letter: 1 << 10 * power for power, letter in enumerate("kmgtpe", start=1)},
}


class Domain(NamedTuple):
    """A domain of libvirt. Values missing in the XML are None.

    Attributes:
        name: its name.
        uuid: its UUID.
        machine: machine type.
        arch: architecture of the guest.
        memory: bytes.
        vcpus: number of virtual CPUs, as text.
        devices: how many there are of each kind.
        disks: where the disks have their bytes: files, devices, volumes, network names.
    """

    name: str | None
    uuid: str | None
    machine: str | None
    arch: str | None
    memory: int | None
    vcpus: str | None
    devices: Mapping[str, int]
    disks: tuple[str, ...]


def describe(xml: str) -> Domain | None:
    """Parse the XML of a domain; None if it is not one.

    No tree is built, and entity declarations are refused. So time and memory are proportional to
    the length of the text.
    """
    if len(xml) > TEXT_MAX:
        return None
    handler = _Handler()
    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = handler.doctype
    try:
        parser.Parse(xml.encode("utf-8", "surrogateescape"), True)
    except (expat.ExpatError, _NotADomainError):
        return None
    found, os_type = handler.found, handler.os_type
    return Domain(
        name=found.get("name"),
        uuid=found.get("uuid"),
        machine=os_type.get("machine"),
        arch=os_type.get("arch"),
        memory=_bytes(found.get("memory", ""), handler.unit),
        vcpus=found.get("vcpu"),
        devices=handler.devices,
        disks=tuple(handler.disks),
    )


def _bytes(number: str, unit: str) -> int | None:
    """What libvirt means by a number and its unit; None where it would refuse them."""
    if not _NUMBER.fullmatch(number.strip()) or unit.lower() not in _UNITS:
        return None
    return int(number) * _UNITS[unit.lower()]


class _NotADomainError(Exception):
    """The text is XML, but not of a domain."""


class _Handler:
    """Collects the text of elements below the root, and the attributes of `os/type`."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.os_type: Mapping[str, str] = {}
        self.unit = "KiB"
        self.devices: Counter[str] = Counter()
        self.disks: list[str] = []
        self._path: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._path.append(name)
        if self._path[0] != "domain":
            raise _NotADomainError
        if self._path == ["domain", "os", "type"]:
            self.os_type = attributes
        elif self._path == ["domain", "memory"]:
            self.unit = attributes.get("unit", self.unit)
        elif self._path[1:2] == ["devices"]:
            self._device(name, attributes)

    def _device(self, name: str, attributes: Mapping[str, str]) -> None:
        """Note an element below `devices`: a device itself, or where a disk has its bytes."""
        if len(self._path) == _DEVICE_DEPTH:
            self.devices[name[:_NAME_MAX]] += 1
        elif self._path[2:] == ["disk", "source"] and len(self.disks) < _DISKS_MAX:
            place = next((attributes[key] for key in _SOURCES if key in attributes), None)
            self.disks += [place[:_NAME_MAX]] if place is not None else []

    def end(self, _: str) -> None:
        self._path.pop()

    def text(self, data: str) -> None:
        if self._path in (
            ["domain", "name"],
            ["domain", "uuid"],
            ["domain", "memory"],
            ["domain", "vcpu"],
        ):
            known = self.found.get(self._path[-1], "")
            self.found[self._path[-1]] = (known + data)[:_NAME_MAX]

    def doctype(self, *_: object) -> None:
        raise _NotADomainError
