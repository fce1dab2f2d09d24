"""A file under repair: the file with its edits so far, as the other modules read it."""

from functools import cached_property

from mappedram.check.context import Context
from mappedram.check.finding import Place
from mappedram.check.repairs.edits import Edit, EditedSource
from mappedram.check.save_image import uncompressed
from mappedram.format.constants import SectionType
from mappedram.format.drivers import get as get_driver
from mappedram.io.copying import Progress
from mappedram.stream.model import RamBlock, Stream, VmDescription
from mappedram.stream.reader import read_stream
from mappedram.stream.reader.vmdescription import find
from mappedram.stream.snapshot import OpenSnapshot

DRIVER = get_driver("construct")


class RepairSession:
    """A file as it would be with the edits so far.

    Args:
        source: the file with its edits.
        offset: where the stream, or the save image of libvirt around it, begins.
        progress: called with the number of bytes of pages read.

    Attributes:
        container: the save image around the stream; None if there is none.

    Raises:
        UnsupportedError: no QEMU migration stream begins there, or it is compressed.
        FormatError: its header ends with the file.
    """

    def __init__(
        self, source: EditedSource, offset: int, *, progress: Progress | None = None
    ) -> None:
        self.source = source
        self.offset = offset
        self.progress = progress
        self.container = uncompressed(source, offset, "and cannot be repaired in place")
        begin = self.container.image.stream_offset if self.container else offset
        self.snapshot = OpenSnapshot(source, read_stream(source, begin, DRIVER), DRIVER)
        if self.container:
            self.container.snapshot = self.snapshot
        self.context = Context(self.snapshot, self.container)

    @property
    def stream(self) -> Stream:
        """The parsed headers."""
        return self.snapshot.stream

    @property
    def has_all_blocks(self) -> bool:
        """Whether the list of RAM blocks was read up to the EOS behind it."""
        start = self.context.ram_start
        return start is not None and f"{start.path}/eos" in self.context.elements

    @property
    def total_agrees(self) -> bool:
        """Whether the lengths of the blocks add up to MEM_SIZE."""
        return self.stream.totals == (sum(block.used_length for block in self.stream.blocks),)

    @cached_property
    def vmdescription(self) -> VmDescription | None:
        """The JSON text at the end of the file, even if the stream cannot be followed to it."""
        return self.stream.vmdescription or find(self.source, self.offset, self.stream.end)

    @property
    def devices_saved(self) -> bool:
        """Whether the save finished: QEMU writes the JSON text last."""
        types = {section.type for section in self.stream.sections}
        return {SectionType.EOF, SectionType.VMDESCRIPTION} <= types

    def field(self, block: RamBlock, name: str) -> Place:
        """Offset of a field of the header of a block."""
        return self.context.block_field(block, name)

    def trial(self, *edits: Edit) -> "RepairSession":
        """The same file with further edits."""
        return RepairSession(self.source.trial(edits), self.offset)


def integer(place: Place, value: int) -> Edit:
    """Edit that writes a big-endian field."""
    assert place.offset is not None
    assert place.length is not None
    return Edit(place.offset, value.to_bytes(place.length, "big"))
