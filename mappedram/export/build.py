"""Build a snapshot from a recipe."""

from collections.abc import Iterator
from contextlib import ExitStack

from mappedram.errors import BuildError
from mappedram.export.mapped_ram import OutputLayout, lay_out
from mappedram.export.options import DEFAULTS, ExportOptions
from mappedram.export.recipe import BlockRecipe, Recipe
from mappedram.format.constants import CAPABILITY_MAPPED_RAM, MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.io.copying import Progress, in_parallel
from mappedram.io.opening import open_file
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.writer import BlockSpec, SnapshotWriter, create

#: Bytes of a pattern made at once; a multiple of every page size.
_STEP = 1 << 20
_WORD = 8


def build(
    recipe: Recipe,
    fd: int,
    options: ExportOptions = DEFAULTS,
    *,
    donor: OpenSnapshot | None = None,
) -> str | None:
    """Write the snapshot that the recipe describes into the empty file open as `fd`.

    Args:
        recipe: the recipe.
        fd: descriptor of an empty seekable file, open for writing.
        options: how memory is written.
        donor: the snapshot at `recipe.donor`, if the recipe names one.

    Returns:
        Why `direct_io` was not used although it was asked for; None otherwise.

    Raises:
        BuildError: the recipe is impossible.
        UnknownPagesError: the donor does not know all pages that are taken from it.
        FormatError: the donor cannot be used.
        OSError: reading or writing failed.
    """
    if donor is not None:
        layout = OutputLayout(
            offset=recipe.offset,
            align=recipe.align or MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
            channels=options.channels,
            direct_io=options.direct_io,
            partial=options.partial,
        )
        return _with_donor(recipe, donor, fd, layout, options.progress)
    assert recipe.machine is not None
    assert recipe.page_size is not None
    writer = create(
        fd,
        machine=recipe.machine,
        page_size=recipe.page_size,
        blocks=[BlockSpec(block.idstr, block.size or 0, block.addr) for block in recipe.blocks],
        capabilities=recipe.capabilities or (CAPABILITY_MAPPED_RAM,),
        target_page_bits=recipe.target_page_bits,
        offset=recipe.offset,
        align=recipe.align or MAPPED_RAM_FILE_OFFSET_ALIGNMENT,
        channels=options.channels,
        direct_io=options.direct_io,
    )
    with writer:
        for block in recipe.blocks:
            _fill(writer, block, options.progress)
        writer.finish()
        return writer.direct_io_refused


def _with_donor(
    recipe: Recipe,
    donor: OpenSnapshot,
    fd: int,
    layout: OutputLayout,
    progress: Progress | None,
) -> str | None:
    """Copy the devices, and the RAM that the recipe does not name, from another snapshot."""
    for block in recipe.blocks:
        if block.file is None:
            raise BuildError(f"block {block.idstr!r}: a recipe with a donor requires file")
    with ExitStack() as stack:
        replace = {
            block.idstr: stack.enter_context(open_file(block.file))
            for block in recipe.blocks
            if block.file is not None
        }
        return lay_out(donor, fd, layout, replace=replace, progress=progress)


def _fill(writer: SnapshotWriter, block: BlockRecipe, progress: Progress | None) -> None:
    """Fill the RAM of one block; zeros are skipped."""
    if block.file is not None:
        with open_file(block.file) as source:
            writer.write_file(block.idstr, source, progress=progress)
    elif block.pattern is not None:
        _fill_with_pattern(writer, block.idstr, block.size or 0, block.pattern, progress)


def _fill_with_pattern(
    writer: SnapshotWriter, idstr: str, size: int, pattern: bytes, progress: Progress | None
) -> None:
    def fill(start: int) -> None:
        data = _piece(pattern, start, min(_STEP, size - start))
        writer.write_pages(idstr, start // writer.page_size, data)
        if progress:
            progress(len(data))

    in_parallel(fill, _steps(size), writer.channels)


def _steps(size: int) -> Iterator[int]:
    yield from range(0, size, _STEP)


def _piece(pattern: bytes, start: int, size: int) -> bytes:
    """Bytes of the pattern for `size` bytes of the block from `start` on."""
    import numpy as np

    if not pattern:  # each word is its own address
        return np.arange(start, start + size, _WORD, dtype="<u8").tobytes()
    phase = start % len(pattern)
    return (pattern * (size // len(pattern) + 2))[phase : phase + size]
