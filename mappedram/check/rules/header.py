"""MR2, first part: the mapped-ram header of each block, except for its offsets."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.check.rules.fields import Broken, field_rule
from mappedram.format import structures
from mappedram.format.arithmetic import is_page_size
from mappedram.format.constants import (
    CAPABILITY_X_IGNORE_SHARED,
    OFFSET_BITS,
)
from mappedram.stream.model import RamBlock, is_kind


@field_rule(
    "MR204",
    "page-size-invalid",
    defect="The page size is one that no machine has.",
    errata=("E-016", "E-017"),
    qemu="migration/ram.c: mapped_ram_read_header()",
)
def page_size_invalid(broken: Broken) -> str:
    """The page size is a power of two from 256 bytes to 64 KiB.

    Why:
        QEMU up to 11.0 divides by it without a check: 0 ends the process with SIGFPE, other values
        lead to a wrong length of the bitmap. QEMU 11.1 refuses the block.

    Remedy:
        Run `mappedram repair`, which writes the page size of the other blocks and the description.
    """
    return f"the page size of block {broken.idstr!r} is {broken.number:#x}"


@rule(
    "MR205",
    "page-size-differs",
    Severity.ERROR,
    defect="Two parts of the file give different page sizes.",
    clause="6.1.6",
    errata=("E-017", "E-058"),
    qemu="migration/ram.c: mapped_ram_read_header()",
)
def page_size_differs(context: Context) -> Iterator[Defect]:
    """All blocks, the JSON description and the configuration have the same page size.

    Why:
        A target has one page size. For a block with another one, QEMU up to 11.0 computes a wrong
        length of the bitmap, and loads the wrong pages. QEMU 11.1 refuses it.

    Remedy:
        Run `mappedram repair`, which writes the page size of the others. If it repairs nothing, use
        the original file that QEMU wrote.
    """
    declared = list(_page_sizes(context))
    sizes = Counter(size for _, size, _ in declared)
    usual = sizes.most_common(1)[0][0] if sizes else 0
    for who, size, place in declared:
        if size != usual:
            yield Defect(
                f"the page size of {who} is {size:#x}, but {usual:#x} elsewhere in the file",
                place(),
                expected=f"{usual:#x}",
                actual=f"{size:#x}",
            )


@field_rule(
    "MR206",
    "header-version",
    defect="A mapped-ram header has another version than 1.",
    errata=("E-018", "E-036"),
    qemu="migration/ram.c: mapped_ram_read_header()",
)
def header_version(broken: Broken) -> str:
    """The mapped-ram header has version 1.

    Why:
        QEMU has never written another version. It refuses newer versions, but accepts 0.

    Remedy:
        Run `mappedram repair`, which writes 1. QEMU loads the file nonetheless.
    """
    return f"the mapped-ram header of block {broken.idstr!r} has version {broken.number}"


@field_rule(
    "MR209",
    "block-without-data",
    defect="The file does not contain the data of a shared block.",
    errata=("E-003", "E-027", "E-028"),
    qemu="migration/ram.c: migrate_ram_is_ignored()",
)
def block_without_data(broken: Broken) -> str:
    """The file contains the contents of every block.

    Why:
        With `x-ignore-shared`, memory in a shared file is not saved. The snapshot can be restored
        only with that file, in its state at the time of the snapshot.

    Remedy:
        Keep the shared memory file with the snapshot, unchanged, and load both with QEMU 11.0 or
        newer. To include all memory in the snapshot, save without `x-ignore-shared`.
    """
    assert is_kind(broken.element, structures.RAMBLOCK_HEADER)
    return (
        f"block {broken.idstr!r} of {broken.element.values['used_length']:#x} bytes has no data in"
        " this file"
    )


@rule(
    "MR210",
    "ignored-unannounced",
    Severity.WARNING,
    defect="A block has no data, but x-ignore-shared is not listed.",
    clause="6.3.3",
    errata=("E-004",),
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def ignored_unannounced(context: Context) -> Iterator[Defect]:
    """A file with blocks without data lists the capability x-ignore-shared.

    Why:
        Only with that capability does QEMU treat two zero offsets as a block without data;
        otherwise it reads the beginning of the file into memory. QEMU 11.0 and newer write such
        files in the mode `cpr-exec`.

    Remedy:
        Save again in a mode other than `cpr-exec`, so that the memory is in the file. In that mode,
        enable `x-ignore-shared`, or disable `mapped-ram`. If another program wrote the file, fix it
        to list `x-ignore-shared`.
    """
    for block in () if context.stream.announces_x_ignore_shared else _ignored(context):
        yield Defect(
            f"block {block.idstr!r} has no data, but {CAPABILITY_X_IGNORE_SHARED} is not listed",
            context.block_field(block, "mapped_ram/bitmap_offset"),
            expected=CAPABILITY_X_IGNORE_SHARED,
        )


def _ignored(context: Context) -> Iterator[RamBlock]:
    return (block for block in context.stream.blocks if block.ignored)


def _page_sizes(context: Context) -> Iterator[tuple[str, int, Callable[[], Place]]]:
    """The page size in each part of the file, and its place."""
    for element in context.of_kind(structures.CONFIGURATION_SUBSECTION):
        body = element.values["body"]
        if "target_page_bits" in body:
            bits = body["target_page_bits"]
            # A hostile file may have 2^32 - 1 bits.
            size = 1 << bits if bits < OFFSET_BITS else 0
            name = "body/target_page_bits"
            yield "the configuration", size, partial(context.field, element, name)
    description = context.stream.vmdescription
    if description and description.document:
        declared = description.document.get("page_size")
        if isinstance(declared, int):
            place = Place(description.offset, description.length, "/vmdescription/page_size")
            yield "the JSON description", declared, partial(Place._make, place)
    for block, header in context.headers():
        if is_page_size(header.page_size):
            name = "mapped_ram/page_size"
            where = partial(context.block_field, block, name)
            yield f"block {block.idstr!r}", header.page_size, where
