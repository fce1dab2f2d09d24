"""How to load a snapshot: QEMU's command line, its monitor commands, and unknown options."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from mappedram.errors import UnsupportedError
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_COLO,
    CAPABILITY_X_IGNORE_SHARED,
    CommandType,
)
from mappedram.guest.machine import family_of
from mappedram.guest.restore.buses import bus_parts
from mappedram.guest.restore.cpus import ARM, arm_properties, cpu_count, cpu_parts, emulator_of
from mappedram.guest.restore.firmware import firmware_parts
from mappedram.guest.restore.items import Item, Remaining, items_of
from mappedram.guest.restore.loose import first_parts, loose_parts
from mappedram.guest.restore.machines import (
    Board,
    board_of,
    measured,
    own_items,
    properties_of,
    root_bus_of,
)
from mappedram.guest.restore.memory import (
    MemoryOptions,
    dimm_parts,
    escaped,
    has_nvdimms,
    memory_of,
)
from mappedram.guest.restore.parts import Part, Workshop
from mappedram.json_types import Json
from mappedram.stream.model import Stream

if TYPE_CHECKING:
    from mappedram.stream.snapshot import OpenSnapshot

#: The first release with mapped-ram.
_FIRST_RELEASE = (9, 0)
#: Value of `covered_by` for what the machine type itself has.
MACHINE = "machine"


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
        contents: the last arguments of a `mappedram extract` that reads the file, to write
            firmware from it; None if it has no pages.
        begin: where the stream begins in the file that QEMU reads; None for as in the snapshot.
    """

    channels: int = 0
    direct_io: bool = False
    contents: tuple[str, ...] | None = None
    begin: int | None = None


@dataclass(frozen=True, slots=True)
class Covered:
    """A section or block of the file, and what a QEMU loads it into.

    Attributes:
        item: the section or block.
        by: `machine`, or the printed option; None if it is not covered.
        reason: why it is not covered; empty if it is.
    """

    item: Item
    by: str | None
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.item}: {self.reason or self.by}"

    def to_dict(self) -> dict[str, Json]:
        """For JSON."""
        return {**self.item.to_dict(), "covered_by": self.by, "reason": self.reason or None}


@dataclass(frozen=True, slots=True)
class Hint:
    """How to load a snapshot.

    Attributes:
        binary: the emulator; None if unknown.
        told_by: evidence for the emulator, which is a guess, because the file does not name it.
        release: the oldest release of QEMU with the machine type and the format.
        prepare: commands to run first, in the folder where the emulator runs.
        argv: arguments, as far as the file determines them.
        qmp: commands for the QMP monitor, in order.
        parts: the options of `argv` that sections and blocks load into.
        coverage: what each section and block of the file loads into.
        unknowns: options that the file does not determine.
    """

    binary: str | None
    told_by: str | None
    release: tuple[int, int]
    prepare: tuple[tuple[str, ...], ...]
    argv: tuple[str, ...]
    qmp: tuple[Mapping[str, Json], ...]
    parts: tuple[Part, ...]
    coverage: tuple[Covered, ...]
    unknowns: tuple[UnknownOption, ...]

    @property
    def not_covered(self) -> tuple[Covered, ...]:
        """The sections and blocks that QEMU would refuse, because no option makes their device."""
        return tuple(one for one in self.coverage if one.by is None)

    def to_dict(self) -> dict[str, Json]:
        """The hint for JSON."""
        return {
            "binary": self.binary,
            "told_by": self.told_by,
            "release": ".".join(map(str, self.release)),
            "prepare": [list(command) for command in self.prepare],
            "argv": list(self.argv),
            "qmp": list(self.qmp),
            "options": [part.to_dict() for part in self.parts if part.argv],
            "coverage": [one.to_dict() for one in self.coverage],
            "not_covered": [one.to_dict() for one in self.not_covered],
            "unknowns": [{"topic": u.topic, "text": u.text} for u in self.unknowns],
        }


def hint(snapshot: "OpenSnapshot", path: str, loading: LoadOptions = LoadOptions()) -> Hint:
    """Make the hint for loading the snapshot at `path`.

    Whether a QEMU loads the file at all is the question of `mappedram.check`.

    Args:
        snapshot: the snapshot; it may lack pages.
        path: the full path, which QEMU opens.
        loading: how to read it.

    Raises:
        OSError: the file cannot be read.
    """
    return _Hinting(snapshot, path, loading).result()


def file_uri(path: str, offset: int) -> str:
    """URI of the file for QEMU's migration commands."""
    return f"file:{path},offset={offset:#x}" if offset else f"file:{path}"


class _Hinting:
    """A hint under construction."""

    def __init__(self, snapshot: "OpenSnapshot", path: str, loading: LoadOptions) -> None:
        self.snapshot = snapshot
        self.stream = snapshot.stream
        self.path = path
        self.loading = loading
        self.items = tuple(items_of(self.stream))
        self.remaining = Remaining(self.items)
        self.shop = Workshop(self.remaining, cpu_count(self.items))
        self.arch, self.ram_id, self.told_by = _emulator(self.stream)
        self.board = board_of(self.stream.machine, self.arch)

    def result(self) -> Hint:
        properties: list[str] = []
        if self.board:
            properties += properties_of(self.board, self.remaining, whole=self.stream.ended)
        if has_nvdimms(self.snapshot):
            properties.append("nvdimm=on")
        if self.arch in ARM:
            properties += arm_properties(self.snapshot)
        firmware = tuple(firmware_parts(self.snapshot, self.shop, self.loading.contents))
        memory = memory_of(self.snapshot, self.ram_id, self.shop, self._own_blocks())
        cpus = tuple(cpu_parts(self.snapshot, self.shop, self.arch))
        own = own_items(self.board, self.remaining)
        devices = tuple(self._devices(memory))
        parts = (*memory.parts, *cpus, *firmware, *devices)
        machine = _machine(self.stream, [*properties, *memory.machine])
        argv = ["-nodefaults", "-display", "none", *machine]
        argv += [word for part in (*memory.parts, *cpus) for word in part.argv]
        argv += _uuid(self.stream)
        argv += [word for part in (*firmware, *devices) for word in part.argv]
        argv += [*_globals(self.stream), "-incoming", "defer", "-qmp", "stdio"]
        return Hint(
            binary=f"qemu-system-{self.arch}" if self.arch else None,
            told_by=self.told_by,
            release=_release(self.stream.machine),
            prepare=tuple(dict.fromkeys(self.shop.prepare)),
            argv=tuple(argv),
            qmp=tuple(_commands(self.stream, self.path, self.loading)),
            parts=parts,
            coverage=self._coverage(own, parts),
            unknowns=tuple(_unknowns(self.stream, parts, memory.doubts, self.shop.cpus)),
        )

    def _own_blocks(self) -> frozenset[str]:
        """The blocks that the machine has by itself; a board without -m has all of its memory."""
        return frozenset(self.board.blocks.split()) if self.board else frozenset()

    def _devices(self, memory: MemoryOptions) -> Iterator[Part]:
        self.shop.spare += memory.spare
        yield from first_parts(self.shop, self.arch)
        yield from bus_parts(self.snapshot, self.shop, root_bus_of(self.board))
        yield from loose_parts(self.snapshot, self.shop, self.arch)
        yield from dimm_parts(self.snapshot, self.shop)

    def _coverage(self, own: tuple[Item, ...], parts: tuple[Part, ...]) -> tuple[Covered, ...]:
        """What each item loads into, in the order of the file."""
        by = dict.fromkeys(own, MACHINE)
        for part in parts:
            by |= dict.fromkeys(part.covers, part.option if part.argv else MACHINE)
        return tuple(
            Covered(item, by[item])
            if item in by
            else Covered(item, None, _why_not(item, self.board))
            for item in self.items
        )


def _emulator(stream: Stream) -> tuple[str | None, str | None, str | None]:
    """The emulator, the name of main memory, and the evidence; None if unknown."""
    family = family_of(stream)
    if family is not None:
        arch, evidence = emulator_of(stream, family[0].arch)
        told_by = f"{family[1]} and {evidence}" if evidence else family[1]
        return arch, family[0].ram_id, told_by
    rows = measured(stream.machine)
    if not rows:
        return None, None, None
    others = [f"qemu-system-{arch}" for row in rows for arch in row.arches][1:]
    also = f", which {' and '.join(others)} have, too" if others else ""
    return rows[0].arches[0], rows[0].ram_id, f"machine type {stream.machine!r}{also}"


def _why_not(item: Item, board: Board | None) -> str:
    if item.path and item.kind == "section":
        return f"no known device writes {item.name!r}; its address is {item.path}"
    if board is None:
        return "what this machine type itself has is unknown"
    return f"no known device {'has' if item.kind == 'block' else 'writes'} it"


def _machine(stream: Stream, properties: list[str]) -> list[str]:
    if stream.machine is None:
        return []
    return ["-machine", ",".join([escaped(stream.machine), *properties])]


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
    begin = stream.offset if loading.begin is None else loading.begin
    yield _command("migrate-incoming", uri=file_uri(path, begin))


def _command(name: str, **arguments: Json) -> dict[str, Json]:
    return {"execute": name, "arguments": arguments}


def _release(machine: str | None) -> tuple[int, int]:
    found = re.search(r"-(\d+)\.(\d+)(?:\.|$|\+)", machine or "")
    named = (int(found[1]), int(found[2])) if found else _FIRST_RELEASE
    return max(named, _FIRST_RELEASE)


def _unknowns(
    stream: Stream, parts: tuple[Part, ...], doubts: tuple[str, ...], cpus: int
) -> Iterator[UnknownOption]:
    if stream.machine is None:
        yield UnknownOption("machine", "the machine type: the file has no configuration section")
    if stream.configuration and stream.configuration.uuid_left_out:
        yield UnknownOption("uuid", "the UUID (-uuid): the metadump left it out")
    for doubt in doubts:
        yield UnknownOption("memory", doubt)
    if cpus:
        plural = "" if cpus == 1 else "s"
        yield UnknownOption("cpu", f"the CPU model (-cpu); the file has {cpus} virtual CPU{plural}")
        yield UnknownOption(
            "accelerator", "the accelerator (-accel kvm, tcg); QEMU's default is tcg"
        )
    for part in parts:
        for note in part.notes:
            yield UnknownOption(_TOPICS.get(part.argv[-2], "device"), f"{part.option}: {note}")
    yield UnknownOption("disks", "disks and networks; the disks must be in their state at the save")
    if isinstance(stream.stopped, UnsupportedError) and stream.mapped_ram:
        yield UnknownOption("devices", "the list of devices: their sections could not be parsed")


#: Topic of what is unknown about an option.
_TOPICS = {"-object": "memory", "-bios": "firmware", "-drive": "firmware", "-netdev": "network"}
