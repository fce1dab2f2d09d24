"""The destination of a load. A field that is None takes whatever the file says."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from mappedram.format.constants import (
    CAPABILITY_POSTCOPY_RAM,
    CAPABILITY_X_COLO,
    RAM_SECTION_IDSTR,
    RAM_SECTION_VERSION,
    CommandType,
    SectionType,
)
from mappedram.qemu.loader.devices import DevicePayload, Loadable, payloads
from mappedram.qemu.loader.releases import ALWAYS, RTC_HAS_PORT, Behaviour, Loader
from mappedram.stream.bitmap import ByteOrder
from mappedram.stream.block import Block
from mappedram.stream.model import Stream
from mappedram.stream.snapshot import OpenSnapshot

#: Largest allocation that a host is assumed to allow. A bitmap of this size covers 2 PiB of RAM.
MEMORY = 64 << 30
#: Bytes of a page of the host.
HOST_PAGE = 4096
#: QEMU registers devices with this alias, and RAM with 0.
NO_ALIAS = -1
#: Devices that older releases found by the number of a port; one port for each instance. Source:
#: QEMU hw/block/fdc-isa.c, hw/char/serial-isa.c, hw/intc/i8259_common.c, hw/timer/i8254_common.c,
#: hw/rtc/mc146818rtc.c: qdev_set_legacy_instance_id().
_LEGACY_ALIASES: Mapping[str, tuple[int, ...]] = {
    "fdc": (0x3F0,),
    "serial": (0x3F8, 0x2F8, 0x3E8, 0x2E8),
    "i8259": (0x20, 0xA0),
    "i8254": (0x40,),
    "mc146818rtc": (0x70,),
}
#: Releases that keep the alias of a device, if not all do.
_ALIASED: Mapping[str, Behaviour] = {"mc146818rtc": RTC_HAS_PORT}
#: Page bits that ARM assumes if the stream has none; no other target has more than its default.
#: Source: QEMU target/arm/cpu-param.h, TARGET_PAGE_BITS_LEGACY; migration/savevm.c,
#: vmstate_target_page_bits_needed().
_LEGACY_PAGE_BITS = 10

#: Blocks that can grow at the destination, and their maximum lengths: QEMU maps their memory beyond
#: `used_length`. Source: QEMU include/hw/acpi/aml-build.h, ACPI_BUILD_TABLE_MAX_SIZE and
#: ACPI_BUILD_LOADER_MAX_SIZE.
MAX_LENGTHS: Mapping[str, int] = {
    "/rom@etc/acpi/tables": 0x200000,
    "/rom@etc/table-loader": 0x10000,
}


@dataclass(frozen=True, slots=True)
class LocalBlock:
    """A RAM block of the destination.

    Attributes:
        idstr: its name.
        used_length: bytes in use.
        max_length: bytes mapped.
        shared_at: guest address, if the block is in a shared file that x-ignore-shared leaves out;
            None if it is not, or if that is unknown.
    """

    idstr: str
    used_length: int
    max_length: int
    shared_at: int | None = None

    @classmethod
    def like(cls, idstr: str, used_length: int, shared_at: int | None = None) -> Self:
        """A local block for a block that was saved with this length."""
        longest = max(used_length, MAX_LENGTHS.get(idstr, 0))
        return cls(idstr, used_length, longest, shared_at)


@dataclass(frozen=True, slots=True)
class Handler:
    """What the destination registered for one section (QEMU: SaveStateEntry).

    Attributes:
        idstr: name of the section.
        instance_id: number among those of the same name.
        version_id: the newest version that it loads.
        alias_id: a second number that also finds it; as in C, 0xffffffff finds -1.
        payload: what it accepts; None for RAM, and if unknown.
        compat: name and number from before names of devices began with a path (QEMU: CompatEntry);
            None if it has no path.
    """

    idstr: str
    instance_id: int
    version_id: int
    alias_id: int
    payload: Loadable | None
    compat: tuple[str, int] | None = None

    @property
    def is_ram(self) -> bool:
        """Whether this is the handler of RAM."""
        return self.idstr == RAM_SECTION_IDSTR

    @property
    def names(self) -> tuple[str, ...]:
        """The names that find it."""
        return (self.idstr,) if self.compat is None else (self.idstr, self.compat[0])

    def answers(self, idstr: str, instance_id: int, release: Loader) -> bool:
        """Whether a section of this name and number belongs to it. Source: savevm.c, find_se()."""
        names = ((self.idstr, self.instance_id), self.compat)
        numbers = [name[1] for name in names if name is not None and name[0] == idstr]
        if not numbers or instance_id in numbers:
            return bool(numbers)
        aliased = release.does(_ALIASED.get(self.idstr, ALWAYS))
        return instance_id == (self.alias_id if aliased else NO_ALIAS) & 0xFFFFFFFF


def alias_of(idstr: str, instance_id: int | None) -> int:
    """Alias of a device of a PC; -1 if it has none."""
    ports = _LEGACY_ALIASES.get(idstr, ())
    number = instance_id or 0
    return ports[number] if number < len(ports) else NO_ALIAS


#: RAM has no other alias: 0 is also its number.
RAM = Handler(RAM_SECTION_IDSTR, 0, RAM_SECTION_VERSION, 0, None)
#: Every QEMU registers this, with or without disks. Source: migration/migration.c,
#: migration_object_init().
DIRTY_BITMAP = Handler("dirty-bitmap", 0, 1, 0, None)


@dataclass(frozen=True)
class Destination:
    """The QEMU that loads a file. A field that is None agrees with whatever the file says.

    Attributes:
        page_size: bytes of a target page.
        legacy_page_bits: logarithm of the page size of a stream whose configuration has none; None
            for that of `page_size`.
        machine: machine type.
        capabilities: those of `mapped-ram`, `x-ignore-shared`, `postcopy-ram` and `x-colo` that are
            on.
        blocks: RAM blocks by name.
        handlers: registered handlers, in the order in which QEMU searches them.
        uuid: of the machine, if it has one.
        configuration: whether a configuration section is expected.
        footers: whether footers are expected.
        byteorder: that of the host.
        memory: largest allocation, in bytes.
        reference: expected memory after the load, compared byte for byte; None to rely on the file
            alone.
        watched: names of the blocks whose memory counts; None for all.
    """

    page_size: int | None = None
    legacy_page_bits: int | None = None
    machine: str | None = None
    capabilities: frozenset[str] | None = None
    blocks: Mapping[str, LocalBlock] | None = None
    handlers: tuple[Handler, ...] | None = None
    uuid: bytes | None = None
    configuration: bool | None = None
    footers: bool | None = None
    byteorder: ByteOrder = "little"
    memory: int = MEMORY
    reference: OpenSnapshot | None = None
    watched: frozenset[str] | None = None

    @classmethod
    def matching(cls, snapshot: OpenSnapshot) -> Self:
        """A destination that matches a file in everything that the file tells."""
        return cls(byteorder=snapshot.byteorder)

    @classmethod
    def of(cls, snapshot: OpenSnapshot, *, memory: int = MEMORY) -> Self:
        """The QEMU that wrote a snapshot known to be good."""
        stream = snapshot.stream
        return cls(
            page_size=stream.page_size,
            legacy_page_bits=_LEGACY_PAGE_BITS if _says_page_bits(stream) else None,
            machine=stream.machine,
            capabilities=frozenset(_capabilities(stream)),
            blocks={
                block.idstr: LocalBlock.like(block.idstr, block.used_length, _shared_at(block))
                for block in snapshot.blocks
            },
            handlers=tuple(_handlers(stream)),
            uuid=stream.configuration.uuid if stream.configuration else None,
            configuration=stream.configuration is not None,
            footers=any(section.footer_id is not None for section in stream.sections),
            byteorder=snapshot.byteorder,
            memory=memory,
        )

    @cached_property
    def is_known(self) -> bool:
        """Whether blocks and sections are those of a machine, not those of the file."""
        return self.blocks is not None and self.handlers is not None


def _says_page_bits(stream: Stream) -> bool:
    """Whether the machine writes its page size into the configuration."""
    return stream.configuration is not None and stream.configuration.target_page_bits is not None


def _capabilities(stream: Stream) -> Iterator[str]:
    """Capabilities that were on when a stream was saved, as far as it shows."""
    yield from stream.capabilities
    advice = (s.data for s in stream.sections if s.command == CommandType.POSTCOPY_ADVISE)
    if any(advice):
        yield CAPABILITY_POSTCOPY_RAM
    if any(section.command == CommandType.ENABLE_COLO for section in stream.sections):
        yield CAPABILITY_X_COLO


def _shared_at(block: Block) -> int | None:
    """Guest address of a block that was left out because it is in a shared file."""
    return block.model.addr if block.coverage.is_left_out else None


def _handlers(stream: Stream) -> list[Handler]:
    """A handler for each section, in the order of the file, which is that of QEMU's list."""
    document = stream.vmdescription.document if stream.vmdescription else None
    described = payloads(document or {})
    found: dict[tuple[str, int], tuple[int, Handler]] = {}
    before: Counter[str] = Counter()
    for section in stream.sections:
        if section.type not in (SectionType.START, SectionType.FULL) or section.idstr is None:
            continue
        key = (section.idstr, section.instance_id or 0)
        handler = RAM
        if section.idstr != RAM_SECTION_IDSTR:
            version = section.version_id or 0
            whole = DevicePayload(section.idstr, section.payload_length, version)
            # Without a text, only the length of this one payload is known.
            payload = described.get(key, None if document else whole)
            payload = payload and payload.of_version(version)
            live = section.type == SectionType.START
            compat = None if live or not payload else _compat(section.idstr, payload.name, before)
            alias = 0 if live else alias_of(section.idstr, section.instance_id)
            handler = Handler(*key, version, alias, None if live else payload, compat)
        found.setdefault(key, (section.section_id or 0, handler))
    number, _ = found.get((RAM.idstr, RAM.instance_id), (0, RAM))
    # QEMU registers it right behind RAM, whatever was saved.
    found.setdefault((DIRTY_BITMAP.idstr, DIRTY_BITMAP.instance_id), (number, DIRTY_BITMAP))
    return [handler for _, handler in sorted(found.values(), key=lambda pair: pair[0])]


def _compat(idstr: str, name: str, before: Counter[str]) -> tuple[str, int] | None:
    """Name of a device without its path, and its number among devices of that name.

    Source: QEMU migration/savevm.c, vmstate_register_with_alias_id(),
    calculate_compat_instance_id().
    """
    if not idstr.endswith(f"/{name}"):
        return None
    before[name] += 1
    return name, before[name] - 1
