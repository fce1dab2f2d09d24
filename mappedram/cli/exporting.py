"""What `mappedram convert` does for forms that hold memory by its physical address."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from mappedram.cli import output
from mappedram.cli.options import size_type
from mappedram.cli.writing import Moving, ended_by_signals, note_direct_io, progress
from mappedram.export.ranges import WrittenMemory, memory_of
from mappedram.guest.physical import PhysicalMap, physical_map
from mappedram.guest.physical.rules import ABOVE_4G
from mappedram.io.staged import DEVICES, StagedFiles
from mappedram.stream.coverage import Coverage
from mappedram.stream.snapshot import OpenSnapshot

below_4g_option = click.option(
    "--below-4g",
    type=size_type,
    metavar="N",
    help="How much of RAM lies below 4 GiB, where the file does not tell (elf, lime, raw).",
)


@dataclass(frozen=True, slots=True)
class Export:
    """How a snapshot is exported.

    Attributes:
        form: `elf`, `lime` or `raw`.
        below_4g: what was said of the memory below 4 GiB.
    """

    form: str
    below_4g: int | None


def known_map(snapshot: OpenSnapshot, below_4g: int | None) -> PhysicalMap:
    """Where the memory lies; what is only likely is said on standard error.

    Raises:
        UsageError: the amount below 4 GiB cannot be.
        UnsupportedError: nothing is known of the machine.
    """
    if below_4g is not None and not 0 < below_4g <= ABOVE_4G:
        raise click.UsageError(f"--below-4g {below_4g:#x}: expected 1 byte to 4 GiB")
    snapshot.require_blocks()
    return physical_map(snapshot, below_4g)


def write_export(
    snapshot: OpenSnapshot, physical: PhysicalMap, out: Path, export: Export, moving: Moving
) -> tuple[Coverage, ...]:
    """Write the memory, and say on standard error what may be wrong; returns what is unknown."""
    memory = memory_of(snapshot, physical, partial=moving.partial)
    for doubt in physical.doubts:
        output.note(f"not certain: {doubt}")
    with (
        ended_by_signals(),
        progress("convert", memory.stored_bytes) as moved,
        StagedFiles(*snapshot.source.descriptors, force=moving.force) as files,
    ):
        written = _writer(export)(
            snapshot,
            physical,
            files.open(out, also=DEVICES),
            channels=moving.channels,
            direct_io=moving.direct_io,
            partial=moving.partial,
            progress=moved,
        )
    for doubt in written.doubts:
        output.note(doubt)
    note_direct_io(written.refused)
    return written.unknown


def _writer(export: Export) -> Callable[..., WrittenMemory]:
    if export.form == "elf":
        from mappedram.export.elf import to_elf
        from mappedram.format.foreign.elf import Machine

        # Only PCs divide their memory at 4 GiB.
        told = Machine.X86_64 if export.below_4g is not None else Machine.NONE
        return partial(to_elf, machine=told)
    if export.form == "lime":
        from mappedram.export.lime import to_lime

        return to_lime
    from mappedram.export.padded import to_padded

    return to_padded
