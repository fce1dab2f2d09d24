"""How to load a snapshot: QEMU's command line, its monitor commands, and unknown options."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from mappedram.errors import UnsupportedError
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_COLO,
    CAPABILITY_X_IGNORE_SHARED,
    CommandType,
    SectionType,
)
from mappedram.guest.machine import family_of, owned_backends
from mappedram.guest.restore.devices import Device, devices_of
from mappedram.guest.restore.memory import (
    backend_option,
    escaped,
    memory_of,
    size_option,
)
from mappedram.json_types import Json
from mappedram.stream.model import Stream

#: The first release with mapped-ram.
_FIRST_RELEASE = (9, 0)
#: Blocks with the contents of a firmware file, and the option that names the file.
_FIRMWARE = {
    "pc.bios": "-bios FILE",
    "system.flash0": "-drive if=pflash,unit=0,format=raw,readonly=on,file=FILE",
    "system.flash1": "-drive if=pflash,unit=1,format=raw,file=FILE",
    "virt.flash0": "-drive if=pflash,unit=0,format=raw,readonly=on,file=FILE, or -bios FILE",
    "virt.flash1": "-drive if=pflash,unit=1,format=raw,file=FILE",
    "riscv_virt_board.mrom": "-bios FILE, or -bios none",
}


@dataclass(frozen=True, slots=True)
class UnknownOption:
    """An option that the file does not determine, and what the file says about it."""

    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to read the file.

    Attributes:
        channels: threads that read pages; 0 for QEMU's single one.
        direct_io: read past the page cache; requires channels.
    """

    channels: int = 0
    direct_io: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """How to load a snapshot.

    Attributes:
        binary: the emulator; None if unknown.
        told_by: evidence for the emulator, which is a guess, because the file does not name it.
        release: the oldest release of QEMU with the machine type and the format.
        argv: arguments, as far as the file determines them.
        qmp: commands for the QMP monitor, in order.
        devices: devices to add to the arguments.
        unknowns: options that the file does not determine.
    """

    binary: str | None
    told_by: str | None
    release: tuple[int, int]
    argv: tuple[str, ...]
    qmp: tuple[Mapping[str, Json], ...]
    devices: tuple[Device, ...]
    unknowns: tuple[UnknownOption, ...]

    def to_dict(self) -> dict[str, Json]:
        """The hint for JSON."""
        return {
            "binary": self.binary,
            "told_by": self.told_by,
            "release": ".".join(map(str, self.release)),
            "argv": list(self.argv),
            "qmp": list(self.qmp),
            "devices": [
                {"idstr": d.idstr, "address": d.address, "option": d.option} for d in self.devices
            ],
            "unknowns": [{"topic": u.topic, "text": u.text} for u in self.unknowns],
        }


def hint(stream: Stream, path: str, loading: LoadOptions = LoadOptions()) -> Hint:
    """Make the hint for loading the snapshot at `path`.

    Args:
        stream: the headers of the snapshot.
        path: the full path, which QEMU opens.
        loading: how to read it.

    Raises:
        UnsupportedError: incomplete save: nothing can load the file.
    """
    # If device sections cannot be told apart, the stream is not followed to its EOF.
    not_followed = stream.ram_ended and isinstance(stream.stopped, UnsupportedError)
    if stream.mapped_ram and not (stream.complete or not_followed):
        raise UnsupportedError(
            "the save did not come to its end: no QEMU loads this file (`mappedram check` says"
            " what is missing, `mappedram repair` what can be done)"
        )
    family, told_by = family_of(stream) or (None, None)
    arch = family.arch if family else None
    memory = memory_of(stream, family.ram_id if family else None)
    devices = devices_of(stream, arch)
    argv = ["-nodefaults", "-display", "none"]
    if stream.machine is not None:
        argv += ["-machine", escaped(stream.machine) + memory.machine]
    argv += [*memory.options, *_cpus(stream), *_uuid(stream)]
    for _, name, block in owned_backends(stream):
        argv += ["-object", backend_option(name, block.used_length)]
    argv += [*_globals(stream), "-incoming", "defer", "-qmp", "stdio"]
    return Hint(
        binary=f"qemu-system-{arch}" if arch else None,
        told_by=told_by,
        release=_release(stream.machine),
        argv=tuple(argv),
        qmp=tuple(_commands(stream, path, loading)),
        devices=devices,
        unknowns=tuple(_unknowns(stream, devices, memory.doubts)),
    )


def file_uri(path: str, offset: int) -> str:
    """URI of the file for QEMU's migration commands."""
    return f"file:{path},offset={offset:#x}" if offset else f"file:{path}"


def _cpu_count(stream: Stream) -> int:
    """Number of virtual CPUs: each saves a section `cpu_common`."""
    return sum(
        section.type == SectionType.FULL and section.idstr == "cpu_common"
        for section in stream.sections
    )


def _cpus(stream: Stream) -> list[str]:
    count = _cpu_count(stream)
    return ["-smp", str(count)] if count > 1 else []


def _uuid(stream: Stream) -> list[str]:
    raw = stream.configuration.uuid if stream.configuration else None
    return ["-uuid", str(UUID(bytes=raw))] if raw is not None else []


def _globals(stream: Stream) -> Iterator[str]:
    """Options that keep the loader from expecting parts that the stream lacks."""
    if stream.configuration is None:
        yield from ("-global", "migration.send-configuration=off")
    loaded = [section for section in stream.sections if section.section_id is not None]
    if loaded and all(section.footer_id is None for section in loaded):
        yield from ("-global", "migration.send-section-footer=off")


def _commands(stream: Stream, path: str, loading: LoadOptions) -> Iterator[dict[str, Json]]:
    names = [CAPABILITY_X_IGNORE_SHARED] if stream.announces_x_ignore_shared else []
    names += [CAPABILITY_MAPPED_RAM] if stream.mapped_ram else []
    colo = any(section.command == CommandType.ENABLE_COLO for section in stream.sections)
    names += [CAPABILITY_X_COLO] if colo else []
    parameters: dict[str, Json] = {}
    if stream.mapped_ram and loading.channels:
        names.append("multifd")
        parameters["multifd-channels"] = loading.channels
        if loading.direct_io:
            parameters["direct-io"] = True
    yield {"execute": "qmp_capabilities"}
    if names:
        states: list[Json] = [{"capability": name, "state": True} for name in names]
        yield _command("migrate-set-capabilities", capabilities=states)
    if parameters:
        yield {"execute": "migrate-set-parameters", "arguments": parameters}
    yield _command("migrate-incoming", uri=file_uri(path, stream.offset))


def _command(name: str, **arguments: Json) -> dict[str, Json]:
    return {"execute": name, "arguments": arguments}


def _release(machine: str | None) -> tuple[int, int]:
    found = re.search(r"-(\d+)\.(\d+)(?:\.|$|\+)", machine or "")
    named = (int(found[1]), int(found[2])) if found else _FIRST_RELEASE
    return max(named, _FIRST_RELEASE)


def _unknowns(
    stream: Stream, devices: tuple[Device, ...], doubts: tuple[str, ...]
) -> Iterator[UnknownOption]:
    if stream.machine is None:
        yield UnknownOption("machine", "the machine type: the file has no configuration section")
    if stream.configuration and stream.configuration.uuid_left_out:
        yield UnknownOption("uuid", "the UUID (-uuid): it was left out of the metadump")
    for doubt in doubts:
        yield UnknownOption("memory", doubt)
    yield from _unknowns_of_parts(stream, devices)
    yield UnknownOption("disks", "disks and networks: a guest must find its disks as they were")
    for block in stream.blocks:
        if block.ignored:
            yield UnknownOption(
                "shared memory",
                f"the contents of block {block.idstr!r}, which are not in this file:"
                " -object memory-backend-file,share=on with the same file as then",
            )
    if stream.announces_x_ignore_shared:
        yield UnknownOption("loader", "QEMU 9.0 to 10.2 cannot read files with x-ignore-shared")
    if isinstance(stream.stopped, UnsupportedError) and stream.mapped_ram:
        yield UnknownOption(
            "devices", "which devices there are: their sections cannot be told apart"
        )


def _unknowns_of_parts(stream: Stream, devices: tuple[Device, ...]) -> Iterator[UnknownOption]:
    """CPUs, firmware and devices, which appear in the file without their options."""
    count = _cpu_count(stream)
    if count:
        plural = "" if count == 1 else "s"
        yield UnknownOption(
            "cpu", f"the CPU model (-cpu); the file has {count} virtual CPU{plural}"
        )
        yield UnknownOption(
            "accelerator", "the accelerator (-accel kvm, tcg); QEMU's default is tcg"
        )
    for block in stream.blocks:
        if block.idstr in _FIRMWARE:
            yield UnknownOption(
                "firmware",
                f"the firmware file of block {block.idstr!r}, {size_option(block.used_length)}"
                f" ({_FIRMWARE[block.idstr]}); pages that were zero come from there",
            )
    for device in devices:
        option = device.option or "a device"
        place = f" at {device.address}" if device.address else ""
        yield UnknownOption(
            "device", f"{option}{place} for {device.idstr!r}, its options and backend"
        )
