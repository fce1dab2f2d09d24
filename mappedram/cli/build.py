"""`mappedram build`: write a snapshot from a recipe, or from another snapshot with new RAM."""

from contextlib import ExitStack
from pathlib import Path

import click

from mappedram.cli.names import no_such
from mappedram.cli.options import (
    InPath,
    OutPath,
    epilog,
    given_memory,
    memory_option,
    offset_option,
    output_option,
    snapshot_option,
    split_assignment,
    with_storage,
    within,
)
from mappedram.cli.partial import STATUS_OF_PARTIAL, partial_option, report
from mappedram.cli.status import about
from mappedram.cli.writing import (
    Moving,
    channels_option,
    direct_io_option,
    ended_by_signals,
    force_option,
    note_direct_io,
    progress,
)
from mappedram.export import recipe
from mappedram.export.build import build
from mappedram.export.mapped_ram import OutputLayout, lacking, lay_out
from mappedram.export.raw import stored_bytes
from mappedram.io.opening import DiskImage, name_of, open_file
from mappedram.io.staged import DEVICES, StagedFiles
from mappedram.stream.coverage import Coverage
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import OpenSnapshot


@click.command(
    "build",
    short_help="Build a snapshot from a recipe, or from another one with new RAM.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram build recipe.toml new.mapped-ram\n"
        "  mappedram build --from guest.mapped-ram --set pc.ram=ram.raw new.mapped-ram",
        "A recipe:\n"
        '  machine = "none"\n'
        '  page_size = "4K"\n'
        "  [[block]]\n"
        '  idstr = "ram"\n'
        '  size = "16M"\n'
        '  file = "ram.raw"   # or pattern = "address", pattern = "c0ffee", zero = true',
        'With donor = "guest.mapped-ram" instead of machine and page_size, devices\n'
        "and all other blocks are copied from that snapshot.",
        STATUS_OF_PARTIAL,
    ),
)
@click.argument("arguments", nargs=-1, required=True, metavar="[RECIPE] OUT", type=OutPath())
@click.option(
    "--from",
    "donor",
    type=InPath(),
    metavar="SNAPSHOT",
    help="Copy devices, and RAM without --set, from this snapshot. Replaces RECIPE.",
)
@click.option(
    "--set",
    "replacements",
    multiple=True,
    metavar="IDSTR=FILE",
    help="Read the RAM of block IDSTR from a raw file of its size. Requires --from; can be given"
    " more than once.",
)
@memory_option
@snapshot_option
@offset_option
@channels_option
@direct_io_option
@force_option
@partial_option
@output_option
def command(
    arguments: tuple[Path, ...],
    donor: str | None,
    replacements: tuple[str, ...],
    chosen: str | None,
    offset: int,
    channels: int,
    direct_io: bool,
    force: bool,
    partial: bool,
    form: str,
) -> int:
    """Build a snapshot that QEMU loads, from a recipe or from a donor with new RAM.

    The layout is that of QEMU's own writer; pages of zeros are not stored. The donor can also be a
    libvirt save image; --offset is the offset of the stream in the donor. If the donor lacks the
    contents of some pages, nothing is written without --partial.
    """
    expected = 1 if donor is not None else 2
    if len(arguments) != expected:
        raise click.UsageError(
            "expected only OUT with --from" if donor is not None else "expected RECIPE and OUT"
        )
    if donor is None:
        if replacements:
            raise click.UsageError("--set requires --from")
        recipe_file, out = arguments
        unknown = _from_recipe(recipe_file, out, Moving(channels, direct_io, force, partial))
    else:
        files = dict(map(_replacement, replacements))
        layout = OutputLayout(channels=channels, direct_io=direct_io, partial=partial)
        opened = within(donor, chosen)
        unknown = _from_donor(opened, offset, files, arguments[0], layout, force=force)
    return report(form, {"out": str(arguments[-1])}, unknown)


def _replacement(text: str) -> tuple[str, str]:
    try:
        idstr, file = split_assignment(text)
    except click.BadParameter as error:
        raise click.UsageError(f"--set {error.message}") from error
    return idstr, with_storage(file, click.get_current_context())


def _from_recipe(source: Path, out: Path, moving: Moving) -> list[Coverage]:
    with about(str(source)), ExitStack() as stack:
        wanted = recipe.load(source)
        snapshot = None
        if wanted.donor is not None:
            with about(str(wanted.donor)):
                snapshot, _ = stack.enter_context(open_any(wanted.donor, partial=True))
        total = sum(block.size or 0 for block in wanted.blocks)
        with (
            ended_by_signals(),
            progress("build", total) as moved,
            StagedFiles(*_sources(source, wanted, snapshot), force=moving.force) as files,
        ):
            note_direct_io(
                build(
                    wanted,
                    files.open(out, also=DEVICES),
                    moving.options(moved),
                    donor=snapshot,
                )
            )
        return lacking(snapshot, {block.idstr for block in wanted.blocks}) if snapshot else []


def _sources(source: Path, wanted: recipe.Recipe, donor: OpenSnapshot | None) -> list[Path | int]:
    """All input files of a recipe."""
    files = [block.file for block in wanted.blocks if block.file is not None]
    return [source, *files, *(donor.source.descriptors if donor else ())]


def _from_donor(
    donor: str | DiskImage,
    offset: int,
    files: dict[str, str],
    out: Path,
    layout: OutputLayout,
    *,
    force: bool,
) -> list[Coverage]:
    with about(name_of(donor)), ExitStack() as stack:
        snapshot, _ = stack.enter_context(
            open_any(donor, offset, partial=True, memory=given_memory())
        )
        snapshot.require_blocks()
        for idstr in files:
            if idstr not in snapshot.block:
                raise no_such("block", idstr, snapshot.block)
        replace = {idstr: stack.enter_context(open_file(file)) for idstr, file in files.items()}
        total = sum(source.size for source in replace.values()) + sum(
            stored_bytes(block) for block in snapshot.blocks if block.idstr not in replace
        )
        stack.enter_context(ended_by_signals())
        moved = stack.enter_context(progress("build", total))
        read = [one for source in replace.values() for one in source.descriptors]
        sources = [*snapshot.descriptors, *read]
        staged = stack.enter_context(StagedFiles(*sources, force=force))
        fd = staged.open(out, also=DEVICES)
        note_direct_io(lay_out(snapshot, fd, layout, replace=replace, progress=moved))
        return lacking(snapshot, replace)
