"""MR1: lists of RAM blocks that cannot be right."""

from mappedram.format.constants import SectionType
from mappedram.fuzz.changeable import ChangeableFile
from mappedram.fuzz.defects.changes.names import LOADER, MIB, RSDP
from mappedram.fuzz.defects.changes.registry import changes


@changes("MR101")
def same_name(draft: ChangeableFile) -> int:
    return draft.set_in("node1", "idstr", b"node0")


@changes("MR102")
def total_too_large(draft: ChangeableFile) -> int:
    path = f"{draft.section(SectionType.START).path}/mem_size"
    return draft.set(path, "total_and_flags", draft.value(path, "total_and_flags") + 0x1000)


@changes("MR103")
def mem_size_in_part(draft: ChangeableFile) -> int:
    part = draft.section(SectionType.PART)
    return draft.insert(part.payload_offset, (4).to_bytes(8, "big"))


@changes("MR104")
def quarter_of_a_page(draft: ChangeableFile) -> int:
    block = draft.block(RSDP)
    draft.insert(block.next_offset, bytes(0x400))
    path = f"{draft.section(SectionType.START).path}/mem_size"
    draft.set(path, "total_and_flags", draft.value(path, "total_and_flags") + 0x400)
    return draft.set_in(RSDP, "used_length", block.used_length + 0x400)


@changes("MR105")
def eos_with_continue(draft: ChangeableFile) -> int:
    return draft.set(f"{draft.section(SectionType.PART).path}/eos", "flags", 0x30)


@changes("MR106")
def no_longer_resizable(draft: ChangeableFile) -> int:
    draft.set_in(LOADER, "idstr", LOADER.replace("rom", "mem").encode())
    return draft.field(draft.block("riscv_virt_board.mrom").path, "used_length")[0]


@changes("MR107")
def no_list_of_blocks(draft: ChangeableFile) -> int:
    start = draft.section(SectionType.START)
    end = draft.blocks[-1].next_offset
    return draft.remove(start.payload_offset, end - start.payload_offset)


@changes("MR108")
def empty_last_block(draft: ChangeableFile) -> int:
    offset = draft.block("ram").next_offset
    pages_offset = offset + MIB
    words = [(0, 8), (1, 4), (4096, 8), (offset + 38, 8), (pages_offset, 8)]
    header = b"\x01z" + b"".join(value.to_bytes(length, "big") for value, length in words)
    return draft.insert(offset, header.ljust(MIB, b"\0")) + 2


@changes("MR109")
def block_of_the_folder_above(draft: ChangeableFile) -> int:
    return draft.set_in("pc.rom", "idstr", b"../rom")
