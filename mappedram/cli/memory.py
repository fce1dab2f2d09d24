"""What verbs that read guest memory share: which memory, and what is unknown of it."""

import click

from mappedram.cli import output
from mappedram.cli.completing import complete_blocks
from mappedram.cli.names import no_such
from mappedram.cli.options import refuse_impossible
from mappedram.errors import UnsupportedError
from mappedram.guest.physical import PhysicalMemory, physical_map
from mappedram.guest.physical.located import Located, block_memory
from mappedram.printable import printable
from mappedram.stream.coverage import Coverage
from mappedram.stream.snapshot import OpenSnapshot

block_option = click.option(
    "-b",
    "--block",
    "idstr",
    metavar="IDSTR",
    shell_complete=complete_blocks,
    help="The memory of this RAM block, at offsets in it, instead of physical addresses.",
)


def chosen_memory(
    snapshot: OpenSnapshot, idstr: str | None, below_4g: int | None
) -> PhysicalMemory:
    """Guest-physical memory, or one block; what is only likely is said on standard error.

    Raises:
        UsageError: there is no such block, or the amount below 4 GiB cannot be.
        UnsupportedError: nothing is known of the machine type.
        FormatError: the file ends, or cannot be followed, before the first block.
    """
    refuse_impossible(below_4g)
    snapshot.require_blocks()
    if idstr is not None:
        if idstr not in snapshot.block:
            raise no_such("block", idstr, snapshot.block)
        return block_memory(snapshot, snapshot.block[idstr])
    try:
        found = physical_map(snapshot, below_4g)
    except UnsupportedError as error:
        message = f"{error.msg}; --block IDSTR reads one block"
        raise UnsupportedError(message, offset=error.offset, path=error.path) from error
    for doubt in found.doubts:
        output.note(f"not certain: {doubt}")
    return PhysicalMemory(snapshot, found)


def unknown_in(memory: PhysicalMemory, snapshot: OpenSnapshot) -> list[Coverage]:
    """What the file does not tell of all the memory."""
    idstrs = {one.idstr for one in memory.map.ranges}
    return [one for one in snapshot.coverages(idstrs) if one.unknown]


def place_in_words(place: Located) -> str:
    """Block and file offset for a person."""
    where = "-" if place.file_offset is None else f"{place.file_offset:#x}"
    return f"{printable(place.idstr)}+{place.block_offset:#x}  file {where}"
