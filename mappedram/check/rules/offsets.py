"""MR2, second part: the offsets in the mapped-ram header."""

from collections.abc import Iterator

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Severity
from mappedram.check.registry import rule
from mappedram.check.rules.fields import Broken, field_rule
from mappedram.format.arithmetic import is_page_size
from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.stream.model import MappedRamHeader, RamBlock


@field_rule(
    "MR201",
    "pages-offset-unaligned",
    defect="The pages of a block begin at an offset that QEMU refuses.",
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def pages_offset_unaligned(broken: Broken) -> str:
    """The pages_offset is a multiple of the page size.

    Why:
        QEMU refuses the block: "pages, region has bad alignment".

    Remedy:
        Run `mappedram repair`, in case the offset is wrong. If the pages really are at this offset,
        `mappedram convert -O mapped-ram` moves them to an aligned one.
    """
    return (
        f"pages_offset {broken.number:#x} of block {broken.idstr!r} is not a multiple of the page"
        " size"
    )


@rule(
    "MR202",
    "pages-offset-not-1mib",
    Severity.WARNING,
    defect="The pages of a block do not begin at a multiple of 1 MiB.",
    clause="6.2.6",
    qemu="migration/ram.c: mapped_ram_setup_ramblock()",
)
def pages_offset_not_1mib(context: Context) -> Iterator[Defect]:
    """The pages_offset is a multiple of 1 MiB.

    Why:
        QEMU loads any page-aligned offset, but writes 1 MiB alignment, so that direct I/O is
        possible.

    Remedy:
        None needed: QEMU loads the file. `mappedram convert -O mapped-ram` writes a file with 1 MiB
        alignment.
    """
    for block, header in _irregular(context):
        aligned = header.pages_offset % MAPPED_RAM_FILE_OFFSET_ALIGNMENT == 0
        if not aligned and header.pages_offset % header.page_size == 0:
            yield Defect(
                f"pages_offset {header.pages_offset:#x} of block {block.idstr!r} is not a multiple"
                " of 1 MiB",
                context.block_field(block, "mapped_ram/pages_offset"),
                expected=f"a multiple of {MAPPED_RAM_FILE_OFFSET_ALIGNMENT:#x}",
                actual=f"{header.pages_offset:#x}",
            )


@rule(
    "MR203",
    "pages-offset-unusual",
    Severity.WARNING,
    defect="The pages of a block do not begin at the first possible 1 MiB.",
    clause="8.1.3",
    errata=("E-025",),
    qemu="migration/ram.c: mapped_ram_setup_ramblock()",
)
def pages_offset_unusual(context: Context) -> Iterator[Defect]:
    """The pages begin at the first 1 MiB boundary after the bitmap.

    Why:
        QEMU reads pages at any offset, but writes them at this one. A stream that was moved within
        its file has such offsets, and they are then wrong.

    Remedy:
        If the stream was moved within its file, run `mappedram repair`, which corrects the offsets.
        If the pages really are at this offset, QEMU loads the file, and `mappedram convert -O
        mapped-ram` writes one with QEMU's layout.
    """
    for block, header in _irregular(context):
        usual = block.usual_pages_offset
        aligned = header.pages_offset % MAPPED_RAM_FILE_OFFSET_ALIGNMENT == 0
        if aligned and header.pages_offset != usual:
            yield Defect(
                f"the pages of block {block.idstr!r} begin at {header.pages_offset:#x}, not at"
                f" {usual:#x} after the bitmap",
                context.block_field(block, "mapped_ram/pages_offset"),
                expected=f"{usual:#x}",
                actual=f"{header.pages_offset:#x}",
            )


@rule(
    "MR211",
    "other-alignment",
    Severity.INFO,
    defect="The pages of all blocks have another alignment than 1 MiB.",
    clause="6.2.6",
    qemu="migration/ram.c: mapped_ram_setup_ramblock()",
)
def other_alignment(context: Context) -> Iterator[Defect]:
    """The pages of all blocks are aligned to 1 MiB, as in QEMU's layout.

    Why:
        QEMU loads other alignments as well. A file with another consistent alignment was written by
        another program, or by `mappedram convert --align`.

    Remedy:
        None needed: QEMU loads the file. `mappedram convert -O mapped-ram` writes a file with 1 MiB
        alignment.
    """
    align = context.snapshot.stream.alignment
    first = next(_with_pages(context), None)
    if first and align not in (None, MAPPED_RAM_FILE_OFFSET_ALIGNMENT):
        yield Defect(
            f"the pages of all blocks are aligned to {align:#x}",
            context.block_field(first[0], "mapped_ram/pages_offset"),
            expected=f"{MAPPED_RAM_FILE_OFFSET_ALIGNMENT:#x}",
            actual=f"{align:#x}",
        )


@rule(
    "MR207",
    "bitmap-offset-unusual",
    Severity.WARNING,
    defect="A bitmap does not begin directly after its header.",
    clause="6.2.3",
    errata=("E-024", "E-058"),
    qemu="migration/ram.c: mapped_ram_setup_ramblock()",
)
def bitmap_offset_unusual(context: Context) -> Iterator[Defect]:
    """The bitmap begins directly after the header.

    Why:
        QEMU reads the bitmap at any offset, even inside other data, but writes it at this one. A
        stream that was moved within its file has such offsets, and they are then wrong.

    Remedy:
        Run `mappedram repair`: it corrects the offset if a bitmap of these pages follows the
        header. Do not convert the file first.
    """
    for block, header in context.headers():
        if header.bitmap_offset not in (0, block.header_end):
            yield Defect(
                f"the bitmap of block {block.idstr!r} begins at {header.bitmap_offset:#x}, not at"
                f" {block.header_end:#x} after the header",
                context.block_field(block, "mapped_ram/bitmap_offset"),
                expected=f"{block.header_end:#x}",
                actual=f"{header.bitmap_offset:#x}",
            )


@field_rule(
    "MR208",
    "one-offset-zero",
    defect="One of the two offsets of a block is 0, and the other is not.",
    errata=("E-024",),
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def one_offset_zero(broken: Broken) -> str:
    """Both offsets are 0, for a block without data, or neither is.

    Why:
        QEMU reads the beginning of the file as the bitmap or as pages.

    Remedy:
        Run `mappedram repair`: it corrects the offset if the rest of the file proves it. Do not
        convert the file first.
    """
    name = "bitmap_offset" if broken.values["pages_offset"] else "pages_offset"
    return f"{name} of block {broken.idstr!r} is 0, but the other offset is not"


def _irregular(context: Context) -> Iterator[tuple[RamBlock, MappedRamHeader]]:
    """Blocks with pages, if the file has no common alignment other than 1 MiB."""
    return iter(()) if context.snapshot.stream.alignment else _with_pages(context)


def _with_pages(context: Context) -> Iterator[tuple[RamBlock, MappedRamHeader]]:
    """The blocks with pages_offset and page size."""
    return (
        (block, header)
        for block, header in context.headers()
        if header.pages_offset and is_page_size(header.page_size)
    )
