"""For every rule, a real file that breaks it: changed as the catalogue says, or broken as it is."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mappedram.format.constants import SectionType
from mappedram.fuzz.defects.changes import CHANGES
from tests.check.draft import Draft

#: The fixture to which a change is made, where that is not `pc`.
FIXTURES = {
    "MR002-cut_in_the_header_of_the_description": "none",
    "MR002-cut_in_the_pages": "none",
    "MR018-end_of_a_stream_made_part": "plain",
    "MR004-not_a_stream": "none",
    "MR006-no_ram_sections": "none",
    "MR006-no_start_and_no_configuration": "no-configuration",
    "MR008-third_capability": "none",
    "MR009-subsection_version_2": "none",
    "MR010-uuid_before_capabilities": "uuid",
    "MR013-mapped_ram_first": "ignore-shared",
    "MR014-blocks_without_addr": "none",
    "MR015-no_machine": "none",
    "MR016-machine_with_nul": "none",
    "MR016-machine_with_escape": "none",
    "MR008-capability_of_no_release": "none",
    "MR021-nameless_section": "none",
    "MR034-advise_behind_ram": "dirty-bitmaps",
    "MR042-description_is_not_json": "none",
    "MR042-description_is_cut": "none",
    "MR042-description_without_devices": "none",
    "MR042-description_on_two_lines": "none",
    "MR044-description_of_another_device": "none",
    "MR044-description_of_one_device_less": "none",
    "MR045-description_of_another_version": "none",
    "MR046-description_of_another_length": "none",
    "MR047-description_of_another_subsection": "uuid",
    "MR051-device_with_the_number_of_ram": "virtio-mem",
    "MR053-no_end_of_bitmaps": "dirty-bitmaps",
    "MR053-no_end_of_the_hash_table": "pseries",
    "MR043-one_more_byte": "none",
    "MR101-same_name": "numa2",
    "MR106-no_longer_resizable": "riscv64-virt",
    "MR107-no_list_of_blocks": "none",
    "MR108-empty_last_block": "none",
    "MR211-all_pages_at_2mib": "none",
    "MR205-target_page_bits_13": "aarch64-virt",
    "MR205-description_of_another_target": "none",
    "MR209-shared_block": "ignore-shared",
    "MR304-empty_bitmap": "none",
    "MR404-bitmap_in_the_container": "offset-unaligned",
}


@dataclass(frozen=True)
class Case:
    """A change that makes `code` fire; `also` fires with it unavoidably.

    `change` returns the offset of the finding.
    """

    code: str
    fixture: str
    change: Callable[[Draft], int | None]
    also: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.code}-{self.change.__name__}"


CASES = [Case(one.code, FIXTURES.get(one.name, "pc"), one.change, one.also) for one in CHANGES]


def as_it_is(
    code: str, fixture: str, *also: str
) -> Callable[[Callable[[Draft], int | None]], Callable[[Draft], int | None]]:
    """A fixture that breaks the rule `code` unchanged; the function says where."""

    def register(find: Callable[[Draft], int | None]) -> Callable[[Draft], int | None]:
        CASES.append(Case(code, fixture, find, frozenset(also)))
        return find

    return register


@as_it_is("MR003", "background-snapshot", "MR304")  # its bitmaps are empty for the same reason
def background_snapshot(draft: Draft) -> int:
    return draft.section(SectionType.EOF).offset


@as_it_is("MR018", "background-snapshot-plain", "MR012")
def background_snapshot_plain(draft: Draft) -> int:
    return draft.section(SectionType.EOF).offset


@as_it_is("MR019", "devices-only", "MR041")  # QEMU writes no description there
def devices_only(draft: Draft) -> int:
    return draft.section(SectionType.EOF).offset


@as_it_is("MR012", "plain")
def without_mapped_ram(draft: Draft) -> int:
    return draft.section(SectionType.START).offset


@as_it_is("MR017", "compress", "MR012")
def compressed_pages(draft: Draft) -> int:
    """A word ends in 0x120, and the length of a zlib stream is below 65,536."""
    start = draft.section(SectionType.PART).payload_offset
    found = re.compile(rb"\0{5}.[\x01-\xf1] \0\0", re.DOTALL).search(draft.path.read_bytes(), start)
    assert found
    return found.start()


@as_it_is("MR020", "no-footers-no-vmdesc")
def neither_footers_nor_description(draft: Draft) -> int:
    return draft.section(SectionType.FULL).payload_offset


@as_it_is("MR007", "no-configuration", "MR041")  # QEMU can only write it without description
def no_configuration(draft: Draft) -> int:
    return draft.base + 8


@as_it_is("MR041", "no-vmdesc")
def no_vmdescription(draft: Draft) -> int:
    return draft.size


@as_it_is("MR303", "live")
def zeroed_pages(draft: Draft) -> int:
    pages_offset = draft.block("pc.ram").pages_offset
    assert pages_offset is not None
    return pages_offset + 32 * 4096


@as_it_is("MR304", "killed", "MR002")  # it has no end either
def killed(draft: Draft) -> int:
    return draft.block("pc.ram").header_end
