"""Plan what a metadump keeps of a file, from its headers, before anything is written."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mappedram.check.context import Context
from mappedram.check.save_image import uncompressed
from mappedram.errors import BuildError, FormatError
from mappedram.export.metadump.image import keep_image
from mappedram.export.metadump.pages import KEY_MAX
from mappedram.export.metadump.policy import Policy
from mappedram.export.metadump.records import keep_records
from mappedram.export.metadump.runs import Kept
from mappedram.export.metadump.state import DeviceSummary, keep_state
from mappedram.export.metadump.stop import keep_stop
from mappedram.export.metadump.structure import keep_structure
from mappedram.format import drivers
from mappedram.format.constants import QEMU_VM_FILE_MAGIC
from mappedram.io.source import Source
from mappedram.stream.reader import read_stream
from mappedram.stream.snapshot import OpenSnapshot

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Bytes that identify a file without a stream.


@dataclass(frozen=True)
class Options:
    """Parts to keep besides structure.

    Attributes:
        policy: selects fields of devices.
        names: keep names, UUIDs and paths of the guest, where the format has them: the UUID of the
            configuration, the XML of the domain.
        key: key for a digest of each page; None for no digests.
    """

    policy: Policy = field(default_factory=Policy)
    names: bool = False
    key: bytes | None = None

    def __post_init__(self) -> None:
        if self.key is not None and not 0 < len(self.key) <= KEY_MAX:
            raise BuildError(f"key: expected 1 to {KEY_MAX} bytes, got {len(self.key)}")


@dataclass
class MetadumpPlan:
    """What is kept of a file.

    Attributes:
        source: the file.
        kept: ranges to keep, and bytes that replace others.
        context: the stream; None if there is none in the save image.
        options: the options of the plan.
        bodies: ranges of the page contents of a stream without mapped-ram.
        devices: what is kept of each device.
        hidden: number of bytes of names and secrets that were masked, by their place.
    """

    source: Source
    kept: Kept
    context: Context | None
    options: Options
    bodies: "Runs | None" = None
    devices: list[DeviceSummary] = field(default_factory=list)
    hidden: dict[str, int] = field(default_factory=dict)


def plan(source: Source, offset: int = 0, options: Options | None = None) -> MetadumpPlan:
    """Plan a metadump. Reads no page.

    Args:
        source: the open file, which may be damaged.
        offset: where the stream, or the save image of libvirt around it, begins.
        options: parts to keep besides structure.

    Raises:
        UnsupportedError: no QEMU migration stream begins there, or it is compressed.
        FormatError: its header ends with the file.
        OSError: reading failed.
    """
    options = options or Options()
    kept, hidden = Kept(), {}
    container = uncompressed(source, offset, "so that nothing in it can be left out")
    begin = container.image.stream_offset if container else offset
    if container:
        hidden = keep_image(container, kept, names=options.names)
    driver = drivers.get("construct")
    try:
        snapshot = OpenSnapshot(source, read_stream(source, begin, driver), driver)
    except FormatError:
        if container is None:
            raise
        kept.keep(begin, min(begin + len(QEMU_VM_FILE_MAGIC), source.size))
        return MetadumpPlan(source, kept, None, options, hidden=hidden)
    if container:
        container.snapshot = snapshot
    made = MetadumpPlan(source, kept, Context(snapshot, container), options, hidden=hidden)
    assert made.context is not None
    uuid = keep_structure(made.context, kept, names=options.names)
    if uuid:
        hidden["uuid"] = uuid
    made.devices = keep_state(snapshot, options.policy, kept)
    if not snapshot.stream.mapped_ram:
        made.bodies = keep_records(snapshot, kept)
    keep_stop(snapshot, kept)
    return made
