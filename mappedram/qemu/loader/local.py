"""State of the destination while one file is loaded; unknown parts come from the file."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from mappedram.format import drivers
from mappedram.format.arithmetic import is_page_size
from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_POSTCOPY_RAM,
    CAPABILITY_X_COLO,
    OFFSET_BITS,
    TARGET_PAGE_SIZE_MIN,
)
from mappedram.format.file import LIVE_PAYLOADS
from mappedram.json_types import Json
from mappedram.qemu.loader.destination import RAM, Destination, Handler, LocalBlock, alias_of
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.pages import Bitmaps
from mappedram.qemu.loader.qemu_file import QemuFile
from mappedram.qemu.loader.releases import Loader
from mappedram.qemu.loader.stream_kind import StreamKind, kind_of
from mappedram.stream.reader import vmdescription
from mappedram.stream.reader.footer import find_footer, footer_bytes
from mappedram.stream.reader.parser import read_stream

#: Page size of nearly all targets; used if nothing tells another.
_USUAL_PAGE_SIZE = 4096
#: A larger allocation may exceed the memory of a host.
_LARGE = 1 << 32
#: Field of the state of an ARM CPU that lists its system registers.
_ARM_REGISTERS = "cpreg_vmstate_indexes"


class Local:
    """Answers about a destination; `assumed` tells that an answer came from the file."""

    def __init__(self, destination: Destination, bitmaps: Bitmaps, offset: int) -> None:
        self.destination = destination
        self.bitmaps = bitmaps
        self.source = bitmaps.source
        self.offset = offset
        self.assumed = destination.byteorder == "big" and not destination.is_known
        self.capabilities = destination.capabilities or frozenset()
        self.target_page_bits: int | None = None
        #: Known from the machine type in some releases; overrides the stream.
        self.target_page_size: int | None = None
        self._supposed_page_size: int | None = None
        self.has_footers = destination.footers
        self.postcopy_ram = False

    def allocate(self, size: int, *noticed: str) -> None:
        """Allocate memory as QEMU does, of the size that the file says.

        Raises:
            EndedError: the host does not have that much.
        """
        self.assumed |= size > _LARGE and not self.destination.is_known
        if size > self.destination.memory:
            raise EndedError("allocation", *noticed)

    # Capabilities.

    @property
    def has_mapped_ram(self) -> bool:
        """Whether mapped-ram is on."""
        return CAPABILITY_MAPPED_RAM in self.capabilities

    @cached_property
    def kind(self) -> StreamKind:
        """Kind of the stream, whatever the capabilities are."""
        return kind_of(self.source, self.offset)

    def chosen_capabilities(self, announced: frozenset[str]) -> frozenset[str]:
        """Capabilities for a stream that announces these; mapped-ram also if the stream has it.

        Without a destination, the user is assumed to switch on what the file needs.
        """
        if self.destination.capabilities is not None:
            return self.destination.capabilities
        if CAPABILITY_MAPPED_RAM not in announced:
            mapped = self.kind is StreamKind.MAPPED
            announced |= {CAPABILITY_MAPPED_RAM} if mapped else set()
        return announced

    def wants_postcopy(self, announced: bool) -> bool:
        """Whether `postcopy-ram` is on, if the stream shows whether it was on during the save.

        It never is on together with mapped-ram. Source: QEMU migration/options.c,
        migrate_caps_check().
        """
        known = self.destination.capabilities
        if known is not None:
            self.postcopy_ram = CAPABILITY_POSTCOPY_RAM in known
        else:
            self.postcopy_ram = announced and not self.has_mapped_ram
            self.assumed |= self.postcopy_ram
        return self.postcopy_ram

    def wants_colo(self) -> bool:
        """Whether `x-colo` is on, as it was when a stream with ENABLE_COLO was saved."""
        known = self.destination.capabilities
        self.assumed |= known is None
        return known is None or CAPABILITY_X_COLO in known

    # The target.

    @property
    def page_size(self) -> int:
        """Bytes of a target page."""
        return self._known_page_size or self._supposed_page_size or _USUAL_PAGE_SIZE

    @cached_property
    def _known_page_size(self) -> int | None:
        """Page size of the destination, or the one that the stream gives for the whole machine."""
        if self.destination.page_size is not None:
            return self.destination.page_size
        if self.target_page_size is not None:
            return self.target_page_size
        return self.saved_page_size

    @property
    def saved_page_size(self) -> int | None:
        """Page size that the stream gives for the machine that saved it."""
        bits = self.target_page_bits
        if bits is not None and bits < OFFSET_BITS and is_page_size(1 << bits):
            return 1 << bits
        declared = self.document.get("page_size")
        return declared if isinstance(declared, int) and is_page_size(declared) else None

    @property
    def has_page_size(self) -> bool:
        """Whether anything tells or shows the page size."""
        return bool(self._known_page_size or self._supposed_page_size)

    def suppose_page_size(self, page_size: int) -> None:
        """Take the page size of the first block for that of the target, unless that is known."""
        if self.has_page_size or not is_page_size(page_size):
            return
        self._supposed_page_size = page_size
        self.assumed |= page_size != _USUAL_PAGE_SIZE

    @property
    def flags_mask(self) -> int:
        """Bits of a RAM word that are flags. Source: QEMU TARGET_PAGE_MASK."""
        return max(self.page_size, TARGET_PAGE_SIZE_MIN) - 1

    @cached_property
    def document(self) -> Mapping[str, Json]:
        """The JSON text at the end of the stream; empty if there is none."""
        found = vmdescription.find_at_tail(self.source, self.offset)
        if found is None and self.source.is_device:  # a device has bytes behind the text
            found = read_stream(self.source, self.offset, drivers.get("construct")).vmdescription
        return (found and found.document) or {}

    @cached_property
    def has_arm_registers(self) -> bool:
        """Whether the state of a CPU lists the system registers that its QEMU knew.

        A destination refuses registers that it does not know; these differ between releases and CPU
        models. Source: QEMU target/arm/machine.c, cpu_post_load().
        """
        return any(
            isinstance(field, Mapping) and field.get("name") == _ARM_REGISTERS
            for device in _entries(self.document, "devices")
            if isinstance(device, Mapping) and device.get("name") == "cpu"
            for field in _entries(device, "fields")
        )

    # Blocks.

    def block(self, idstr: str, length: int) -> LocalBlock | None:
        """The local block of that name; like the block of the file if unknown."""
        if self.destination.blocks is None:
            return LocalBlock.like(idstr, length) if idstr else None
        return self.destination.blocks.get(idstr)

    # Sections.

    def handler(
        self, idstr: str, instance_id: int, version_id: int, release: Loader, *, live: bool
    ) -> Handler | None:
        """Handler for a section of that name and number; `live` if the section is a START."""
        known = self.destination.handlers
        if known is not None:
            return next((h for h in known if h.answers(idstr, instance_id, release)), None)
        if idstr == RAM.idstr:
            return RAM if RAM.answers(idstr, instance_id, release) else None
        if live and not idstr.endswith(tuple(LIVE_PAYLOADS)):
            self.assumed = True  # no QEMU here has such a handler, but another one may
            return None
        return Handler(idstr, instance_id, version_id, alias_of(idstr, instance_id), None)

    def has_device(self, idstr: str) -> bool:
        """Whether there is a device of that name, with any number."""
        known = self.destination.handlers
        return idstr == RAM.idstr or any(idstr in handler.names for handler in known or ())

    def payload_end(self, start: int, handler: Handler, section_id: int) -> int | None:
        """End of a payload whose length only the file tells; None if it does not.

        QEMU does not read the JSON text: if the text does not fit the sections, the sections count.
        """
        described = self._lengths.get((handler.idstr, handler.instance_id))
        mark = footer_bytes(section_id)
        end = start + described[0] if described else None
        if end is not None and (
            self.has_footers is False or self.source.peek(end, len(mark)) == mark
        ):
            return end
        if self.has_footers is False:
            return None
        return find_footer(self.source, start, section_id)

    @cached_property
    def _lengths(self) -> dict[tuple[str, int], list[int]]:
        return vmdescription.payload_lengths(self.document)

    def wants_footer(self, file: QemuFile) -> bool:
        """Whether a footer must follow; if unknown, the first section decides."""
        if self.has_footers is None:
            self.has_footers = file.peek(0, 1) == b"\x7e"
            self.assumed |= not self.has_footers
        return self.has_footers


def _entries(parent: Mapping[str, Json], name: str) -> Sequence[Json]:
    """A list in the JSON text; empty if there is none."""
    found = parent.get(name)
    return found if isinstance(found, list) else []
