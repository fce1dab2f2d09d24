"""MR1: the list of RAM blocks and the records around it."""

from collections.abc import Iterator

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Severity
from mappedram.check.registry import rule
from mappedram.check.rules.fields import Broken, field_rule
from mappedram.format import structures
from mappedram.format.constants import RAM_SAVE_FLAG_EOS, RAM_SAVE_FLAG_MEM_SIZE
from mappedram.format.validity import Harmless
from mappedram.stream.model import Element, is_kind

#: Prefix of blocks that QEMU can resize. The list is ordered by their maximum length, which the
#: file does not record. Source: QEMU hw/core/loader.c, rom_set_mr().
RESIZEABLE = "/rom@"


@rule(
    "MR101",
    "duplicate-idstr",
    Severity.ERROR,
    defect="Two blocks have the same name.",
    clause="5.3.9",
    errata=("E-029",),
    qemu="migration/ram.c: parse_ramblocks()",
)
def duplicate_idstr(context: Context) -> Iterator[Defect]:
    """No two blocks have the same name.

    Why:
        QEMU loads both into the block of that name, so that the pages of the later one overwrite
        the earlier ones.

    Remedy:
        Fix the program that wrote the file: nothing shows which block is right. In Python,
        `Snapshot.blocks` has both.
    """
    seen = set()
    for block in context.stream.blocks:
        if block.idstr in seen:
            yield Defect(
                f"block {block.idstr!r} is listed twice",
                context.block_field(block, "idstr"),
                expected="another name",
                actual=block.idstr,
            )
        seen.add(block.idstr)


@rule(
    "MR102",
    "total-mismatch",
    Severity.ERROR,
    defect="MEM_SIZE is not the sum of the lengths of its blocks.",
    clause="5.3.7",
    errata=("E-021",),
    qemu="migration/ram.c: parse_ramblocks()",
)
def total_mismatch(context: Context) -> Iterator[Defect]:
    """The number in MEM_SIZE is the sum of the used_length of its blocks.

    Why:
        QEMU reads blocks until their lengths add up to this number. If it is too large, QEMU reads
        the bytes after the last block as another block; if it is too small, QEMU stops early or
        never.

    Remedy:
        Run `mappedram repair`, which writes the sum of the blocks in the file.
    """
    for record, blocks in _lists(context):
        total = record.values["total_and_flags"] - RAM_SAVE_FLAG_MEM_SIZE
        actual = sum(block.values["used_length"] for block in blocks)
        if total != actual:
            yield Defect(
                f"MEM_SIZE is {total:#x} bytes, but the sum of its blocks is {actual:#x}",
                context.field(record, "total_and_flags"),
                expected=f"{actual | RAM_SAVE_FLAG_MEM_SIZE:#x}",
                actual=f"{record.values['total_and_flags']:#x}",
            )


@rule(
    "MR103",
    "mem-size-repeated",
    Severity.WARNING,
    defect="There is more than one MEM_SIZE record.",
    clause="5.3.10",
    errata=("E-029",),
    qemu="migration/ram.c: ram_load_precopy()",
)
def mem_size_repeated(context: Context) -> Iterator[Defect]:
    """There is one MEM_SIZE record.

    Why:
        QEMU reads another list and its pages, and overwrites those of the first.

    Remedy:
        Fix the program that wrote the file: QEMU never writes a second list.
    """
    for record in list(context.of_kind(structures.MEM_SIZE))[1:]:
        yield Defect(
            f"a second MEM_SIZE record at {record.offset:#x}",
            context.field(record, "total_and_flags"),
            expected=f"{RAM_SAVE_FLAG_EOS:#x}",
            actual=f"{record.values['total_and_flags']:#x}",
        )


@field_rule(
    "MR104",
    "used-length-unaligned",
    defect="The length of a block is not a multiple of the page size.",
    qemu="migration/ram.c: parse_ramblock_mapped_ram()",
)
def used_length_unaligned(broken: Broken) -> str:
    """The used_length of a block is a multiple of the page size.

    Why:
        QEMU rounds the number of pages down, so that the rest of the block is lost.

    Remedy:
        Run `mappedram repair`, in case the page size is wrong. If it repairs nothing, use the
        original file that QEMU wrote.
    """
    assert is_kind(broken.element, structures.RAMBLOCK_HEADER)
    header = broken.element.values["mapped_ram"]
    assert header is not None
    return (
        f"used_length {broken.number:#x} of block {broken.idstr!r} is not a multiple of its page"
        f" size {header['page_size']:#x}"
    )


@field_rule(
    "MR105",
    "eos-bits",
    defect="An EOS record has other bits set than EOS.",
    qemu="migration/ram.c: ram_load_precopy()",
)
def eos_bits(broken: Broken) -> str:
    """An EOS record has only the flag EOS set.

    Why:
        QEMU accepts the flag CONTINUE and an address, and ignores them.

    Remedy:
        None needed: QEMU loads the file. Fix the program that wrote it.
    """
    return f"the EOS record at {broken.element.offset:#x} has flags {broken.number:#x}"


@rule(
    "MR106",
    "block-order",
    Severity.WARNING,
    defect="The blocks are not in order of decreasing length.",
    clause="5.3.11",
    qemu="system/physmem.c: ram_block_add()",
)
def block_order(context: Context) -> Iterator[Defect]:
    """The blocks are in order of decreasing length, except for resizeable ones.

    Why:
        QEMU keeps its list in this order. It loads blocks in any order, but never writes another
        one.

    Remedy:
        None needed: QEMU loads the file. Fix the program that wrote it.
    """
    before = None
    for block in context.stream.blocks:
        if block.idstr.startswith(RESIZEABLE):
            continue
        if before and block.used_length > before.used_length:
            yield Defect(
                f"block {block.idstr!r} with {block.used_length:#x} bytes follows"
                f" {before.idstr!r} with {before.used_length:#x}",
                context.block_field(block, "used_length"),
                expected=f"<= {before.used_length:#x}",
                actual=f"{block.used_length:#x}",
            )
        before = block


@rule(
    "MR107",
    "mem-size-missing",
    Severity.ERROR,
    defect="START of RAM has no list of blocks.",
    clause="5.1.3",
    qemu="migration/ram.c: ram_save_setup()",
)
def mem_size_missing(context: Context) -> Iterator[Defect]:
    """START of RAM has a MEM_SIZE record.

    Why:
        QEMU loads no block without the list, and restores the guest with empty memory.

    Remedy:
        Save again: without this list, the memory in the file cannot be found.
    """
    start = context.ram_start
    record = start and context.elements.get(f"{start.path}/eos")
    if record and not context.stream.totals:
        yield Defect(
            f"START of RAM has no list of blocks, only EOS at {record.offset:#x}",
            context.field(record, "flags"),
            expected="MEM_SIZE",
            actual="EOS",
        )


@rule(
    "MR108",
    "used-length-zero",
    Severity.ERROR,
    defect="The last block of a list has length 0.",
    clause="5.3.5",
    errata=("E-022",),
    qemu="migration/ram.c: parse_ramblocks()",
)
def used_length_zero(context: Context) -> Iterator[Defect]:
    """The last block of a list has a length other than 0.

    Why:
        QEMU stops reading the list when the lengths add up to the total, and misreads the header of
        such a block as the next record.

    Remedy:
        Fix the program that wrote the file: QEMU never writes a block of length 0.
    """
    for _, blocks in _lists(context):
        if blocks and blocks[-1].values["used_length"] == 0:
            yield Defect(
                f"block {blocks[-1].values['idstr']!r}, the last in its list, has length 0",
                context.field(blocks[-1], "used_length"),
                expected="> 0",
                actual="0",
            )


@field_rule(
    "MR109",
    "block-idstr-unsafe",
    defect="The name of a block has control characters or path steps.",
    qemu="system/physmem.c: qemu_ram_set_idstr()",
)
def block_idstr_unsafe(broken: Broken) -> str:
    """The name of a block has no control characters, and no path step such as `..`.

    Why:
        QEMU has no such block and refuses the file. In a tool that prints the name or uses it as a
        path, it can forge output or escape from a folder.

    Remedy:
        Do not trust the file: QEMU never writes such a name. `mappedram extract` percent-encodes
        it.
    """
    return f"the block name {broken.value!r} contains {Harmless().danger(broken.text)}"


#: A MEM_SIZE record with the headers of its blocks.
_List = tuple[Element[structures.MemSize], list[Element[structures.RamBlockHeader]]]


def _lists(context: Context) -> Iterator[_List]:
    """Each MEM_SIZE record with its blocks, except for an incomplete list."""
    record: Element[structures.MemSize] | None = None
    blocks: list[Element[structures.RamBlockHeader]] = []
    for element in context.stream.elements:
        if is_kind(element, structures.RAMBLOCK_HEADER):
            blocks.append(element)
        elif element.kind in (structures.MEM_SIZE, structures.END_OF_SECTION):
            if record:
                yield record, blocks
            record, blocks = (element if is_kind(element, structures.MEM_SIZE) else None), []
