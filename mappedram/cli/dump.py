"""`mappedram dump`: guest memory from an address on, for reading or as it is."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mappedram.cli import output
from mappedram.cli.memory import block_option, chosen_memory
from mappedram.cli.options import (
    below_4g_option,
    driver_option,
    epilog,
    file_argument,
    memory_option,
    offset_option,
    output_option,
    snapshot_option,
    within,
)
from mappedram.cli.partial import STATUS_OF_PARTIAL, note_unknown, partial_option, partly
from mappedram.cli.status import about
from mappedram.format.drivers import DriverName
from mappedram.guest.physical import PhysicalMemory
from mappedram.guest.physical.dumping import known_between, memory_pieces, unknown_between
from mappedram.guest.physical.located import locate
from mappedram.guest.physical.match_view import place_as_dict
from mappedram.json_types import Json
from mappedram.sizes import parse_size
from mappedram.stream.coverage import Coverage, require_known
from mappedram.view.text import hex_rows, hex_width
from mappedram.view.unknown import as_dicts

if TYPE_CHECKING:
    _PairType = click.ParamType[tuple[int, int | None]]
else:
    _PairType = click.ParamType  # takes no type before click 8.4

#: Bytes that are shown where nobody says how many.
_SIZE = 256
#: Bytes in one member of the JSON.
_JSON_STEP = 4096


class _AddressType(_PairType):
    """An address, and perhaps a size behind a comma."""

    name = "address"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int | None]:
        """Both numbers; a usage error where the text is not one or two of them."""
        if isinstance(value, tuple):
            return value
        start, comma, size = str(value).partition(",")
        try:
            return parse_size(start), parse_size(size) if comma else None
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(
    "dump",
    short_help="Guest memory at an address, as hex or raw.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram dump --gpa 0xfffffff0,16 guest.mapped-ram\n"
        "  mappedram dump --block pc.ram --at 1M,4K guest.mapped-ram\n"
        "  mappedram dump --gpa 0,640K --raw guest.mapped-ram | strings",
        "Of lines that are the same, the first is shown, and a * for the others; ?? is a byte\n"
        "that FILE does not tell.",
        STATUS_OF_PARTIAL,
    ),
)
@file_argument
@click.option(
    "--gpa",
    type=_AddressType(),
    metavar="N[,SIZE]",
    help=f"Guest-physical address, and how many bytes.  [default size: {_SIZE}]",
)
@block_option
@click.option(
    "--at",
    type=_AddressType(),
    metavar="N[,SIZE]",
    help="Offset in the block, and how many bytes (--block).  [default: 0, and all of a raw block]",
)
@click.option(
    "--raw", "is_raw", is_flag=True, help="Write the bytes as they are, to a file or a pipe."
)
@below_4g_option
@memory_option
@snapshot_option
@offset_option
@driver_option
@partial_option
@output_option
def command(
    file: str,
    gpa: tuple[int, int | None] | None,
    idstr: str | None,
    at: tuple[int, int | None] | None,
    is_raw: bool,
    below_4g: int | None,
    chosen: str | None,
    offset: int,
    driver: DriverName,
    partial: bool,
    form: str,
) -> int:
    """Show the memory of the guest in the snapshot FILE from an address on.

    The address is a guest-physical one, as `mappedram map` shows them, or with --block an offset in
    one RAM block. Numbers are decimal, 0x hex, or have a suffix K, M, G or T.

    Where FILE does not tell what was asked for, nothing is shown without --partial.
    """
    if (gpa is None) == (idstr is None) or (at is not None and idstr is None):
        raise click.UsageError("expected --gpa N, or --block IDSTR with or without --at N")
    if idstr is not None and below_4g is not None:
        raise click.UsageError("--below-4g goes with --gpa")
    if is_raw and form == "json":
        raise click.UsageError("--raw goes without --output json")
    if is_raw:
        output.refuse_terminal("--raw")
    with about(file), partly(partial, within(file, chosen), offset, driver=driver) as (snapshot, _):
        memory = chosen_memory(snapshot, idstr, below_4g)
        start, size = gpa or _within(memory, at, is_raw=is_raw)
        size = _SIZE if size is None else size
        unknown = _unknown(memory, start, size)
        if not partial:
            require_known(unknown, snapshot.stream.stopped)
        if is_raw:
            for piece in memory_pieces(memory, start, size):
                output.write_bytes(piece)
        elif form == "json":
            _write_json(file, memory, start, size, unknown, physical=idstr is None)
        else:
            _write_hex(memory, start, size, lacking=bool(unknown))
    return note_unknown(unknown)


def _within(
    memory: PhysicalMemory, at: tuple[int, int | None] | None, *, is_raw: bool
) -> tuple[int, int | None]:
    """Where to begin in a block, and how many bytes."""
    length = memory.map.ranges[0].size
    start, size = at or (0, None)
    if size is None and start <= length:
        size = length - start if is_raw else min(_SIZE, length - start)
    return start, size


def _unknown(memory: PhysicalMemory, start: int, size: int) -> list[Coverage]:
    try:
        return unknown_between(memory, start, size)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _write_hex(memory: PhysicalMemory, start: int, size: int, *, lacking: bool) -> None:
    width = hex_width(output.width())
    known = list(known_between(memory, start, size)) if lacking else None
    for text in hex_rows(start, memory_pieces(memory, start, size), width, known):
        output.line(text)


def _write_json(
    file: str,
    memory: PhysicalMemory,
    start: int,
    size: int,
    unknown: list[Coverage],
    *,
    physical: bool,
) -> None:
    pieces = (
        {
            "size": length,
            **place_as_dict(locate(memory, one.gpa + first), physical=physical),
        }
        for one, first, length in memory.pieces(start, size)
    )
    output.write_json(
        {
            "file": file,
            "address": start,
            "size": size,
            "pieces": pieces,
            "data": _data(memory, start, size),
            "unknown": as_dicts(unknown),
        }
    )


def _data(memory: PhysicalMemory, start: int, size: int) -> Iterator[dict[str, Json]]:
    for piece in memory_pieces(memory, start, size):
        for first in range(0, len(piece), _JSON_STEP):
            part = piece[first : first + _JSON_STEP]
            yield {"address": start + first, "hex": part.hex()}
        start += len(piece)
