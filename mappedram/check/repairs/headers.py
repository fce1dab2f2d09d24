"""Repairs of numbers in headers: versions, page sizes, the total length, footers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mappedram.check.repairs.change import Change
from mappedram.check.repairs.edits import Edit
from mappedram.check.repairs.session import RepairSession, integer
from mappedram.format import structures
from mappedram.format.arithmetic import is_page_size
from mappedram.format.constants import (
    MAPPED_RAM_HDR_VERSION,
    RAM_SAVE_FLAG_MEM_SIZE,
    SectionType,
)
from mappedram.format.section import SectionFooter
from mappedram.format.structures import MappedRamHeader, RamBlockHeader
from mappedram.stream.model import RamBlock, Section
from mappedram.stream.reader.footer import FOOTER_SIZE, footer_bytes, is_section_start
from mappedram.stream.reader.vmdescription import payload_lengths

#: Number of other blocks that must agree if nothing declares the page size.
_WITNESSES = 2


def header_version(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-018. A version above 1 may mean another format and is left alone."""
    for block in case.stream.blocks:
        if block.mapped_ram and block.mapped_ram.version == 0:
            place = case.field(block, "mapped_ram/version")
            edit = integer(place, MAPPED_RAM_HDR_VERSION)
            yield Change(place.path, edit.offset, "0", f"{MAPPED_RAM_HDR_VERSION}", edits=(edit,))


def page_size(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-016 and E-017."""
    declared = _declared_page_sizes(case)
    # Counted once: a hostile file has tens of thousands of blocks.
    found = Counter(block.page_size for block in case.stream.blocks if _is_witness(block))
    for block in case.stream.blocks:
        header = block.mapped_ram
        right = _witnessed_page_size(declared, found, block)
        if header is None or right is None or header.page_size == right:
            continue
        # The distance to the pages gives the length of the bitmap, and so the number of pages.
        if block.has_data and block.pages_offset != _usual_pages_offset(block, right):
            continue
        place = case.field(block, "mapped_ram/page_size")
        edit = integer(place, right)
        yield Change(
            place.path, edit.offset, f"{header.page_size:#x}", f"{right:#x}", edits=(edit,)
        )


def _usual_pages_offset(block: RamBlock, size: int) -> int:
    """QEMU's pages_offset of the block if its page size is `size`."""
    assert block.values["mapped_ram"] is not None
    header: MappedRamHeader = {**block.values["mapped_ram"], "page_size": size}
    values: RamBlockHeader = {**block.values, "mapped_ram": header}
    return replace(block, element=replace(block.element, values=values)).usual_pages_offset


def _declared_page_sizes(case: RepairSession) -> list[object]:
    """The page sizes that the configuration and the JSON text declare."""
    configuration, description = case.stream.configuration, case.vmdescription
    declared: list[object] = []
    if configuration and configuration.target_page_bits is not None:
        declared.append(1 << min(configuration.target_page_bits, 63))
    if description and description.document:
        declared.append(description.document.get("page_size"))
    return declared


def _is_witness(block: RamBlock) -> bool:
    """Whether a block has a page size that some target has."""
    return bool(block.page_size and is_page_size(block.page_size))


def _witnessed_page_size(
    declared: Sequence[object], found: Mapping[int | None, int], block: RamBlock
) -> int | None:
    """The page size that everything else in the file agrees on; None if nothing proves one.

    Args:
        declared: the page sizes outside the headers of blocks.
        found: how many blocks have each page size; there are few possible ones.
        block: the block in question, itself not a witness.
    """
    others = {
        size: count
        for size, all_blocks in found.items()
        if (count := all_blocks - (size == block.page_size))
    }
    witnesses: list[object] = [*declared, *others]
    if not declared and sum(others.values()) < _WITNESSES:
        return None
    size = witnesses[0]
    unanimous = all(witness == size for witness in witnesses)
    return size if unanimous and isinstance(size, int) and is_page_size(size) else None


def total(case: RepairSession) -> Iterator[Change]:
    """spec/errata.md, E-021."""
    if not case.has_all_blocks or case.total_agrees or len(case.stream.totals) != 1:
        return
    (record,) = case.context.of_kind(structures.MEM_SIZE)
    place = case.context.field(record, "total_and_flags")
    right = sum(block.used_length for block in case.stream.blocks)
    edit = integer(place, right | RAM_SAVE_FLAG_MEM_SIZE)
    yield Change(
        place.path, edit.offset, f"{case.stream.totals[0]:#x}", f"{right:#x}", edits=(edit,)
    )


def footer(case: RepairSession) -> Iterator[Change]:
    """Clause 4.4.5: the footer of a section repeats its section_id."""
    for section in case.stream.sections:
        if section.section_id is not None and section.footer_id not in (None, section.section_id):
            yield _footer(section, section.payload_end, section.footer_id)
    # Reading stops at a device section with a wrong footer: nothing else marks its end.
    if case.stream.stopped and case.stream.sections:
        section = case.stream.sections[-1]
        end = _described_end(case, section)
        if end is not None and case.source.peek(end, 1)[:1] == bytes([SectionType.FOOTER]):
            whole = case.source.peek(end, FOOTER_SIZE).ljust(FOOTER_SIZE, b"\0")
            found = SectionFooter.parse(whole).section_id
            if found != section.section_id and is_section_start(case.source, end + FOOTER_SIZE):
                yield _footer(section, end, found)


def _footer(section: Section, offset: int, found: int | None) -> Change:
    assert section.section_id is not None
    edit = Edit(offset, footer_bytes(section.section_id))
    return Change(
        f"{section.path}/footer/section_id",
        offset + 1,
        f"{found}",
        f"{section.section_id}",
        edits=(edit,),
    )


def _described_end(case: RepairSession, section: Section) -> int | None:
    """End of the payload of a device by the JSON text; None if the text does not tell."""
    document = case.vmdescription and case.vmdescription.document
    if not document or section.type != SectionType.FULL or section.section_id is None:
        return None
    key = (section.idstr or "", section.instance_id or 0)
    earlier = sum(
        (other.idstr, other.instance_id, other.type) == (*key, SectionType.FULL)
        for other in case.stream.sections[:-1]
    )
    lengths = payload_lengths(document).get(key, [])
    return section.payload_offset + lengths[earlier] if earlier < len(lengths) else None
