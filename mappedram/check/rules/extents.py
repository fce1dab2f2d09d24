"""MR4: where bitmaps, pages and padding lie in the file."""

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
    clause="9.2.2",
    errata=("E-023", "E-024"),
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def regions_overlap(context: Context) -> Iterator[Defect]:
    """No two of the stream, the bitmaps and the page areas share a byte.

    Why:
        QEMU checks none of it, and takes the same bytes for both.

    Remedy:
        Run `mappedram repair`: it puts those offsets right that the rest of the file proves to be
        wrong. Do not convert the file before.
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
    clause="7.1.6",
    errata=("E-024",),
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def bitmap_outside(context: Context) -> Iterator[Defect]:
    """The bitmap ends before the file does.

    Why:
        QEMU stops: "Error reading dirty bitmap".

    Remedy:
        Copy the file again, if it is shorter than it was. Otherwise run `mappedram repair`: it puts
        the offset right if a bitmap of these pages stands behind the header.
    """
    for block in context.located:
        offset, size = block.model.bitmap_offset, block.model.bitmap_size
        assert offset is not None
        if offset + size > context.stream.file_size:
            yield Defect(
                f"the bitmap of block {block.idstr!r} takes {offset:#x} to {offset + size:#x}, but"
                f" the file ends at {context.stream.file_size:#x}",
                context.block_field(block.model, "mapped_ram/bitmap_offset"),
                expected=file_up_to(offset + size),
                actual=f"{context.stream.file_size:#x} bytes",
            )


@rule(
    "MR403",
    "padding-not-zero",
    Severity.WARNING,
    clause="8.3.3",
    qemu="migration/ram.c: mapped_ram_setup_ramblock()",
)
def padding_not_zero(context: Context) -> Iterator[Defect]:
    """What stands around a bitmap, up to the pages, is zero.

    Why:
        QEMU never writes there and never looks. A file that was overwritten in place, or a bitmap
        that is not where the header says, leaves such bytes.

    Remedy:
        Nothing: QEMU does not look there. If a bitmap is missing as well, run `mappedram repair`
        first. `mappedram repair --zero-padding` writes zeros.
    """
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
    clause="9.3.2",
    errata=("E-025",),
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def before_the_stream(context: Context) -> Iterator[Defect]:
    """No bitmap and no page area begins before the stream does.

    Why:
        What stands there belongs to the container. Offsets count from the beginning of the file: a
        stream that was moved within its file, or put into one, has wrong ones.

    Remedy:
        Run `mappedram repair`, which corrects the offsets of a stream that was moved, or give it
        the whole file that the stream was cut out of. `mappedram convert -O mapped-ram
        --out-offset` moves a stream as it should be.
    """
    for block in context.located:
        for name in ("bitmap_offset", "pages_offset"):
            offset = getattr(block.model, name)
            if offset < context.stream.offset:
                yield Defect(
                    f"{name} {offset:#x} of block {block.idstr!r} lies before the stream, which"
                    f" begins at {context.stream.offset:#x}",
                    context.block_field(block.model, f"mapped_ram/{name}"),
                    expected=f">= {context.stream.offset:#x}",
                    actual=f"{offset:#x}",
                )


def _is_padding(region: Region, located: set[str]) -> bool:
    if region.kind == "padding":
        return block_path(region) in located
    return region.path == "/gap"
