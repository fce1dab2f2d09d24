"""MR4: the extents of bitmaps, pages and padding in the file."""

from collections.abc import Iterator

from mappedram.check.bitmap_audit import first_nonzero
from mappedram.check.context import Context, block_path, is_area
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.stream.model import file_up_to
from mappedram.stream.regions import Region


@rule(
    "MR401",
    "regions-overlap",
    Severity.ERROR,
    defect="Parts of the file overlap: stream, bitmaps or pages.",
    clause="9.2.2",
    errata=("E-023", "E-024"),
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def regions_overlap(context: Context) -> Iterator[Defect]:
    """The stream, the bitmaps and the page areas do not overlap.

    Why:
        QEMU does not check this, and uses the same bytes for both.

    Remedy:
        Run `mappedram repair`: it corrects the offsets that the rest of the file proves wrong. Do
        not convert the file first.
    """
    told: set[str] = set()
    for first, second in context.overlaps:
        areas = {claim.path for claim in (first, second) if is_area(claim)}
        if areas <= told:
            continue  # one finding for each area, however much lies in it
        told |= areas
        yield Defect(
            f"{second.name} at {second.offset:#x} overlaps {first.name} at {first.offset:#x} to"
            f" {first.end:#x}",
            Place(second.offset, min(first.end, second.end) - second.offset, second.path),
            expected=f">= {first.end:#x}",
            actual=f"{second.offset:#x}",
        )


@rule(
    "MR402",
    "bitmap-outside",
    Severity.ERROR,
    defect="A bitmap lies outside of the file.",
    clause="7.1.6",
    errata=("E-024",),
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def bitmap_outside(context: Context) -> Iterator[Defect]:
    """The bitmap is inside the file.

    Why:
        QEMU stops with "Error reading dirty bitmap".

    Remedy:
        If the file was truncated, copy it again. Otherwise run `mappedram repair`: it corrects the
        offset if a bitmap of these pages follows the header.
    """
    for block in context.located:
        offset, size = block.model.bitmap_offset, block.model.bitmap_size
        assert offset is not None
        if offset + size > context.stream.file_size:
            yield Defect(
                f"the bitmap of block {block.idstr!r} is at {offset:#x} to {offset + size:#x}, but"
                f" the file ends at {context.stream.file_size:#x}",
                context.block_field(block.model, "mapped_ram/bitmap_offset"),
                expected=file_up_to(offset + size),
                actual=f"{context.stream.file_size:#x} bytes",
            )


@rule(
    "MR403",
    "padding-not-zero",
    Severity.WARNING,
    defect="The padding between a bitmap and its pages is not zero.",
    clause="8.3.3",
    qemu="migration/ram.c: mapped_ram_setup_ramblock()",
)
def padding_not_zero(context: Context) -> Iterator[Defect]:
    """The bytes around a bitmap, up to the pages, are zero.

    Why:
        QEMU never writes or reads these bytes. They are not zero if a file was overwritten in
        place, or if the bitmap is not at the offset in the header. They are not reported in a disk
        image, whose clusters may have been those of an earlier snapshot.

    Remedy:
        None needed: QEMU does not read these bytes. If a bitmap is missing as well, run `mappedram
        repair` first. `mappedram repair --zero-padding` writes zeros.
    """
    if context.source.is_remote or context.source.recycled:
        return  # without holes that could be skipped, or never zeroed
    located = {block.model.path for block in context.located}
    for region in context.snapshot.regions():
        if region.offset < context.stream.offset or not _is_padding(region, located):
            continue  # what stands before the stream is the container's
        offset = first_nonzero(context.source, region.offset, region.end)
        if offset is not None:
            yield Defect(
                f"{region.name} at {region.offset:#x} to {region.end:#x} is not zero from"
                f" {offset:#x}",
                Place(offset, 1, region.path),
                expected="0x00",
                actual=f"0x{context.source.read(offset, 1).hex()}",
            )


@rule(
    "MR404",
    "before-the-stream",
    Severity.ERROR,
    defect="A bitmap or page area lies before the start of the stream.",
    clause="9.3.2",
    errata=("E-025",),
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def before_the_stream(context: Context) -> Iterator[Defect]:
    """All bitmaps and page areas are after the start of the stream.

    Why:
        The bytes before the stream belong to the container. Offsets are relative to the start of
        the file: if a stream is moved within its file, or into another, its offsets are wrong.

    Remedy:
        Run `mappedram repair`, which corrects the offsets of a moved stream; or use the whole file
        that the stream was cut from. `mappedram convert -O mapped-ram --out-offset` moves a stream
        correctly.
    """
    for block in context.located:
        for name in ("bitmap_offset", "pages_offset"):
            offset = getattr(block.model, name)
            if offset < context.stream.offset:
                yield Defect(
                    f"{name} {offset:#x} of block {block.idstr!r} is before the stream, which"
                    f" begins at {context.stream.offset:#x}",
                    context.block_field(block.model, f"mapped_ram/{name}"),
                    expected=f">= {context.stream.offset:#x}",
                    actual=f"{offset:#x}",
                )


def _is_padding(region: Region, located: set[str]) -> bool:
    if region.kind == "padding":
        return block_path(region) in located
    return region.path == "/gap"
