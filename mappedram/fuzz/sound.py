"""Contents of a sound file as frozen values, and the file that our own writer makes of them."""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from mappedram.export.stream import to_stream
from mappedram.format import file
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
    MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
    CommandType,
    SectionType,
)
from mappedram.format.typed import Fields
from mappedram.fuzz.caching_driver import DRIVER
from mappedram.fuzz.sparse import SparseFile, memory_file
from mappedram.json_types import Json
from mappedram.stream.bitmap import ByteOrder
from mappedram.stream.snapshot import open_snapshot
from mappedram.stream.writer import BlockSpec, Envelope, SnapshotWriter
from mappedram.stream.writer.build import Built
from mappedram.stream.writer.envelope import END_OF_STREAM, ram_sections, subsections

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RamSpec:
    """One RAM block, and its stored pages.

    Attributes:
        idstr: name, 1 to 255 bytes in ISO 8859-1.
        num_pages: number of its pages.
        runs: the stored pages, as ascending half-open runs.
        addr: guest address, written if x-ignore-shared is announced.
        ignored: whether the file holds no data of it.
    """

    idstr: str
    num_pages: int
    runs: tuple[tuple[int, int], ...] = ()
    addr: int = 0
    ignored: bool = False

    def shortened(self, num_pages: int) -> "RamSpec":
        """The block shortened to at most that many pages."""
        count = min(num_pages, self.num_pages)
        runs = tuple((start, min(stop, count)) for start, stop in self.runs if start < count)
        return replace(self, num_pages=count, runs=runs)


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One device whose state is a FULL section; the JSON text describes it as one buffer."""

    idstr: str
    section_id: int
    instance_id: int = 0
    version_id: int = 1
    state: bytes = b""

    def section(self, *, footer: bool, kind: SectionType = SectionType.FULL) -> Fields:
        """The section, to be built."""
        header: Fields = {
            "section_type": kind,
            "section_id": self.section_id,
            "idstr": self.idstr,
            "instance_id": self.instance_id,
            "version_id": self.version_id,
        }
        return {"header": header, "payload": self.state, "footer": {} if footer else None}

    def description(self) -> dict[str, Json]:
        """Its description in the JSON text."""
        return {
            "name": self.idstr,
            "instance_id": self.instance_id,
            "vmsd_name": self.idstr,
            "version": self.version_id,
            "fields": [{"name": "state", "type": "buffer", "size": len(self.state)}],
        }


@dataclass(frozen=True, slots=True)
class SnapshotSpec:
    """A snapshot; it is sound if its values are.

    Attributes:
        machine: machine type.
        page_size: bytes of a page, a power of two from 256 bytes to 64 KiB.
        blocks: the RAM blocks, by decreasing length as in QEMU.
        devices: devices with a FULL section behind RAM.
        early: devices with one before RAM, such as virtio-mem.
        described: the devices in the JSON text; None for the actual ones.
        align: alignment of the pages of each block; QEMU uses 1 MiB.
        offset: where the stream begins in the file.
        capabilities: capabilities in the configuration.
        target_page_bits: for targets whose page size is not fixed.
        uuid: sixteen bytes, for the capability validate-uuid.
        configuration: whether there is a configuration section, which announces mapped-ram.
        parts: number of PART sections of RAM, each of them empty.
        switchover: whether there is a command SWITCHOVER_START, as for machine types since 10.0.
        footers: whether sections have footers.
        description: whether the JSON text follows.
        byteorder: byte order of the supposed host.
    """

    machine: str
    page_size: int
    blocks: tuple[RamSpec, ...]
    devices: tuple[DeviceSpec, ...] = ()
    early: tuple[DeviceSpec, ...] = ()
    described: tuple[DeviceSpec, ...] | None = None
    align: int = 4096
    offset: int = 0
    capabilities: tuple[str, ...] = (CAPABILITY_MAPPED_RAM,)
    target_page_bits: int | None = None
    uuid: bytes | None = None
    configuration: bool = True
    parts: int = 1
    switchover: bool = True
    footers: bool = True
    description: bool = True
    byteorder: ByteOrder = "little"

    @property
    def shares(self) -> bool:
        """Whether blocks may be without data."""
        return CAPABILITY_X_IGNORE_SHARED in self.capabilities

    def shortened(self, num_pages: int = 256) -> "SnapshotSpec":
        """The snapshot with at most that many pages in a block, aligned to at most 1 MiB."""
        blocks = tuple(block.shortened(num_pages) for block in self.blocks)
        align = min(self.align, MAPPED_RAM_FILE_OFFSET_ALIGNMENT)
        return replace(self, blocks=blocks, align=align)

    def file(self) -> SparseFile:
        """The file with mapped-ram; its `origin` is this value."""
        with memory_file() as fd:
            with self._writer(fd) as writer:
                for number, block in enumerate(self.blocks):
                    for start, stop in () if block.ignored else block.runs:
                        data = pattern(number, start, stop, self.page_size)
                        writer.write_pages(block.idstr, start, data.data.cast("B"))
                writer.finish()
            return SparseFile.of_fd(fd, self.offset, repr(self))

    def stream(self) -> SparseFile:
        """The same guest as a stream without mapped-ram, with one record for each page."""
        plain = replace(self, offset=0)
        with plain.file().opened() as fd, memory_file() as out:
            with open_snapshot(fd, driver=DRIVER) as snapshot:
                to_stream(snapshot, out)
            return SparseFile.of_fd(out, origin=f"stream of {self!r}")

    def _writer(self, fd: int) -> SnapshotWriter:
        return SnapshotWriter(
            fd,
            self._envelope(),
            [
                BlockSpec(block.idstr, block.num_pages * self.page_size, block.addr, block.ignored)
                for block in self.blocks
            ],
            page_size=self.page_size,
            offset=self.offset,
            align=self.align,
            byteorder=self.byteorder,
        )

    def _envelope(self) -> Envelope:
        # Many generated files have all but these in common.
        around = _around_ram(
            replace(self, page_size=0, blocks=(), devices=(), described=None, align=0, offset=0)
        )
        behind = Built(DRIVER)
        for device in self.devices:
            behind.add(file.Section, device.section(footer=self.footers))
        behind.add(file.Section, {"header": END_OF_STREAM})
        text = self._description()
        if text:
            behind.add(file.VmDescription, {"text": text})
        return replace(around, tail=around.tail + behind.data)

    def _description(self) -> bytes:
        if not self.description:
            return b""
        devices = (*self.early, *self.devices) if self.described is None else self.described
        configuration: dict[str, Json] = {"vmsd_name": "configuration", "version": 1, "fields": []}
        subsections = [{"vmsd_name": f"configuration/{name}"} for name in self._subsections()]
        if subsections:
            configuration["subsections"] = subsections
        document = {
            "configuration": configuration,
            "page_size": self.page_size,
            "devices": [device.description() for device in devices],
        }
        return json.dumps(document).encode()

    def _subsections(self) -> list[str]:
        """Names of the subsections of the configuration."""
        values = {
            "target-page-bits": self.target_page_bits,
            "capabilities": self.capabilities or None,
            "uuid": self.uuid,
        }
        present = values if self.configuration else {}
        return [name for name, value in present.items() if value is not None]


@lru_cache(1024)
def _around_ram(spec: SnapshotSpec) -> Envelope:
    """The structures around the RAM blocks, up to END of RAM."""
    begin, part, end = ram_sections(footers=spec.footers)
    configuration: Fields = {
        "header": {"name": spec.machine},
        "subsections": subsections(spec.capabilities, spec.target_page_bits, spec.uuid),
    }
    header: Fields = {
        "section_type": SectionType.COMMAND,
        "command": CommandType.SWITCHOVER_START,
        "data": b"",
    }
    command: Fields = {"header": header}
    return Envelope.built(
        DRIVER,
        {
            "header": {},
            "configuration": configuration if spec.configuration else None,
            "sections": [
                *(device.section(footer=spec.footers) for device in spec.early),
                begin,
                *[part] * spec.parts,
                *[command] * spec.switchover,
                end,
            ],
            "description": [],
        },
        spec.capabilities,
    )


def pattern(block: int, start: int, stop: int, page_size: int) -> "NDArray[np.uint64]":
    """Pages `start` to `stop` of a block; each word holds the numbers of block and page.

    So a page in the wrong place shows its origin, and none is zero.
    """
    import numpy as np

    tag = (block + 1) << 48
    words = np.arange(start + tag, stop + tag, dtype=np.uint64)
    return np.repeat(words, page_size // 8)
