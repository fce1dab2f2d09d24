"""Streams without mapped-ram that differ from a good one in one respect."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.qemu.loader.plain_stream import (
    CONTINUE,
    EOS,
    MEM_SIZE,
    PAGE,
    PAGE_FLAG,
    START,
    XBZRLE,
    ZERO_FLAG,
    Entry,
    PlainStream,
    RamSection,
    Record,
    be,
)
from tools.campaign.seeds import RUNS

HOOK, COMPRESS, FLUSH = 0x80, 0x100, 0x200
#: Changes a stream in place, or returns its bytes.
Change = Callable[[PlainStream], bytes | None]


@dataclass(frozen=True)
class PlainCase:
    """One such stream; `change` takes the good one."""

    name: str
    change: Change
    guest: str = "none"


CASES: list[PlainCase] = []
#: The blocks of the machines that load the cases, in the order of QEMU 10.0.
BLOCKS = {
    "none": {b"ram": 16 << 20},
    "pc": {
        b"pc.ram": 16 << 20,
        b"/rom@etc/acpi/tables": 128 << 10,
        b"pc.bios": 256 << 10,
        b"pc.rom": 128 << 10,
        b"/rom@etc/table-loader": 4 << 10,
        b"/rom@etc/acpi/rsdp": 4 << 10,
    },
}
MACHINES = {"none": b"none", "pc": b"pc-i440fx-10.0"}


def good(guest: str) -> PlainStream:
    """The stream that cases change, without devices; pages are those of `tools.campaign.seeds`."""
    blocks = BLOCKS[guest]
    ram = next(iter(blocks))
    pages = blocks[ram] // PAGE
    runs = [range(start % pages, stop % pages or pages) for start, stop in RUNS]
    return PlainStream.of(MACHINES[guest], blocks, {ram: runs})


def case(change: Change) -> Change:
    CASES.append(PlainCase(change.__name__.removeprefix("c_"), change))
    return change


def _pages(stream: PlainStream) -> list[Record]:
    """Records of non-zero pages, with CONTINUE."""
    return [r for r in stream.part.records if r.flags == PAGE_FLAG | CONTINUE]


def _zeros(stream: PlainStream) -> list[Record]:
    return [r for r in stream.part.records if r.flags == ZERO_FLAG | CONTINUE]


def _insert(stream: PlainStream, *records: Record) -> None:
    """Add records before the EOS of the section with pages."""
    stream.part.records[-1:-1] = records


def _flags(record: Record, flags: int) -> None:
    record.word = record.word // PAGE * PAGE | flags


def _xbzrle(record: Record, difference: bytes, encoding: int = 1) -> None:
    """Replace a page by a difference."""
    _flags(record, XBZRLE | CONTINUE)
    record.body = bytes([encoding]) + be(len(difference), 2) + difference


def _again(record: Record, difference: bytes, encoding: int = 1) -> Record:
    """Add the same page again, as a difference."""
    again = Record(record.word)
    _xbzrle(again, difference, encoding)
    return again


# The list of blocks.


@case
def c_nothing(_: PlainStream) -> None: ...


@case
def c_total_larger(stream: PlainStream) -> None:
    stream.start.total = (stream.start.total or 0) + PAGE


@case
def c_total_smaller(stream: PlainStream) -> None:
    stream.start.total = (stream.start.total or 0) - PAGE


@case
def c_total_zero(stream: PlainStream) -> None:
    stream.start.total = 0


@case
def c_no_list(stream: PlainStream) -> None:
    stream.start.total, stream.start.entries = None, []


@case
def c_block_unknown(stream: PlainStream) -> None:
    stream.start.entries[0].name = b"rom"


@case
def c_block_nameless(stream: PlainStream) -> None:
    stream.start.entries[0].name = b""


@case
def c_block_with_nul(stream: PlainStream) -> None:
    stream.start.entries[0].name += b"\0x"


@case
def c_block_longer(stream: PlainStream) -> None:
    stream.start.entries[0].length += PAGE
    stream.start.total = stream.start.entries[0].length


@case
def c_block_shorter(stream: PlainStream) -> None:
    stream.start.entries[0].length -= PAGE
    stream.start.total = stream.start.entries[0].length


@case
def c_block_unaligned(stream: PlainStream) -> None:
    """A length that is rounded up to the local one."""
    stream.start.entries[0].length -= 1000
    stream.start.entries.append(Entry(b"ram", stream.start.entries[0].length))
    stream.start.total = (2 * stream.start.entries[0].length) // PAGE * PAGE


@case
def c_block_twice(stream: PlainStream) -> None:
    stream.start.entries *= 2
    stream.start.total = sum(entry.length for entry in stream.start.entries)


@case
def c_list_again(stream: PlainStream) -> None:
    total = stream.start.total or 0
    _insert(stream, Record(total | MEM_SIZE, bytes(stream.start.entries[0])))


@case
def c_list_with_continue(stream: PlainStream) -> None:
    stream.start.total = (stream.start.total or 0) | CONTINUE


@case
def c_list_with_page(stream: PlainStream) -> None:
    stream.start.total = (stream.start.total or 0) | PAGE_FLAG


# Words and names of records.


@case
def c_address_at_the_end(stream: PlainStream) -> None:
    _pages(stream)[5].word = 16 << 20 | PAGE_FLAG | CONTINUE


@case
def c_address_huge(stream: PlainStream) -> None:
    _pages(stream)[5].word |= 1 << 63


@case
def c_address_of_another_page(stream: PlainStream) -> None:
    pages = _pages(stream)
    pages[5].word = pages[6].word


@case
def c_zero_outside(stream: PlainStream) -> None:
    _zeros(stream)[700].word = 17 << 20 | ZERO_FLAG | CONTINUE


@case
def c_flags_none(stream: PlainStream) -> None:
    _flags(_pages(stream)[5], 0)


@case
def c_flags_continue_only(stream: PlainStream) -> None:
    _flags(_pages(stream)[5], CONTINUE)


@case
def c_flags_full(stream: PlainStream) -> None:
    _flags(_pages(stream)[5], 1)


@case
def c_flags_0x400(stream: PlainStream) -> None:
    _flags(_pages(stream)[5], PAGE_FLAG | CONTINUE | 0x400)


@case
def c_flags_page_and_zero(stream: PlainStream) -> None:
    _flags(_pages(stream)[5], PAGE_FLAG | ZERO_FLAG | CONTINUE)


@case
def c_flags_page_and_zero_outside(stream: PlainStream) -> None:
    _pages(stream)[5].word = 17 << 20 | PAGE_FLAG | ZERO_FLAG | CONTINUE


@case
def c_flags_page_and_flush(stream: PlainStream) -> None:
    _flags(_pages(stream)[5], PAGE_FLAG | FLUSH | CONTINUE)


@case
def c_flags_page_and_eos(stream: PlainStream) -> None:
    _flags(_pages(stream)[5], PAGE_FLAG | EOS | CONTINUE)


@case
def c_compressed(stream: PlainStream) -> None:
    _flags(_pages(stream)[5], COMPRESS | CONTINUE)


@case
def c_compressed_and_page(stream: PlainStream) -> None:
    _flags(_pages(stream)[5], COMPRESS | PAGE_FLAG | CONTINUE)


@case
def c_hook(stream: PlainStream) -> None:
    _insert(stream, Record(HOOK), Record(HOOK | CONTINUE | 5 * PAGE))


@case
def c_flush(stream: PlainStream) -> None:
    _insert(stream, Record(FLUSH), Record(FLUSH | CONTINUE))


@case
def c_hook_and_flush(stream: PlainStream) -> None:
    _insert(stream, Record(HOOK | FLUSH))


@case
def c_continue_at_first(stream: PlainStream) -> None:
    record = stream.part.records[0]
    record.word, record.name = record.word | CONTINUE, b""


@case
def c_name_unknown(stream: PlainStream) -> None:
    stream.part.records[0].name = b"\3rom"


@case
def c_name_empty(stream: PlainStream) -> None:
    stream.part.records[0].name = b"\0"


@case
def c_name_with_nul(stream: PlainStream) -> None:
    stream.part.records[0].name = b"\5ram\0x"


@case
def c_name_of_255(stream: PlainStream) -> None:
    stream.part.records[0].name = b"\xff" + b"n" * 255


@case
def c_name_again(stream: PlainStream) -> None:
    record = _pages(stream)[9]
    record.word, record.name = record.word - CONTINUE, b"\3ram"


@case
def c_name_unknown_later(stream: PlainStream) -> None:
    record = _pages(stream)[9]
    record.word, record.name = record.word - CONTINUE, b"\4ram\x01"


@case
def c_outside_before_name_unknown(stream: PlainStream) -> None:
    """Two defects close together: the first one counts."""
    c_name_unknown_later(stream)
    _pages(stream)[8].word |= 1 << 40


# Bodies.


@case
def c_fill(stream: PlainStream) -> None:
    _zeros(stream)[100].body = b"\x05"


@case
def c_fill_outside(stream: PlainStream) -> None:
    record = _zeros(stream)[100]
    record.word, record.body = record.word | 1 << 40, b"\x05"


@case
def c_page_changed(stream: PlainStream) -> None:
    record = _pages(stream)[5]
    record.body = bytes([record.body[0] ^ 1]) + record.body[1:]


@case
def c_page_left_out(stream: PlainStream) -> None:
    stream.part.records.remove(_pages(stream)[5])


@case
def c_zero_left_out(stream: PlainStream) -> None:
    stream.part.records.remove(_zeros(stream)[5])


@case
def c_page_twice(stream: PlainStream) -> None:
    _insert(stream, Record(_pages(stream)[5].word, body=_pages(stream)[5].body))


@case
def c_page_made_zero(stream: PlainStream) -> None:
    _insert(stream, Record(_pages(stream)[5].word - PAGE_FLAG + ZERO_FLAG, body=b"\0"))


@case
def c_zero_made_page(stream: PlainStream) -> None:
    record = _zeros(stream)[5]
    _flags(record, PAGE_FLAG | CONTINUE)
    record.body = bytes(PAGE)


@case
def c_xbzrle_empty(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b""))


@case
def c_xbzrle_same_bytes(stream: PlainStream) -> None:
    """A difference that changes nothing."""
    record = _pages(stream)[5]
    difference = b"\x0a\x05" + record.body[10:15] + b"\x85\x01\x02" + record.body[148:150]
    _insert(stream, _again(record, difference))


@case
def c_xbzrle_other_bytes(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b"\0\1\0"), _again(_pages(stream)[5], b"\0\1\xff"))


@case
def c_xbzrle_first(stream: PlainStream) -> None:
    """A difference in place of the page itself."""
    record = _pages(stream)[5]
    _xbzrle(record, b"\0\x40" + record.body[:64])


@case
def c_xbzrle_to_the_end(stream: PlainStream) -> None:
    """A difference of the last byte of a page, behind a run with a length of two bytes."""
    record = _pages(stream)[5]
    _insert(stream, _again(record, b"\xff\x1f\1" + record.body[-1:]))


@case
def c_xbzrle_beyond_the_end(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b"\xff\x1f\2ab"))


@case
def c_xbzrle_same_beyond_the_end(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b"\xff\x7f\1a"))


@case
def c_xbzrle_encoding(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b"\0\1a", encoding=2))


@case
def c_xbzrle_too_long(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], bytes(PAGE + 1)))


@case
def c_xbzrle_as_long_as_a_page(stream: PlainStream) -> None:
    """The longest accepted difference: a run of 4,093 bytes, with three bytes of lengths."""
    record = _pages(stream)[5]
    _insert(stream, _again(record, b"\0\xfd\x1f" + record.body[:4093]))


@case
def c_xbzrle_ends_with_same(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b"\0\1a\3"))


@case
def c_xbzrle_empty_second_run(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b"\0\1a\0\1b"))


@case
def c_xbzrle_empty_first_run_in_two_bytes(stream: PlainStream) -> None:
    record = _pages(stream)[5]
    _insert(stream, _again(record, b"\x80\0\1" + record.body[:1]))


@case
def c_xbzrle_no_new_bytes(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b"\1\0\1"))


@case
def c_xbzrle_length_of_three(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b"\0\x81\x81\1a"))


@case
def c_xbzrle_new_beyond_the_difference(stream: PlainStream) -> None:
    _insert(stream, _again(_pages(stream)[5], b"\0\3ab"))


@case
def c_xbzrle_wrong_behind_outside(stream: PlainStream) -> None:
    _pages(stream)[4].word |= 1 << 40
    _xbzrle(_pages(stream)[5], b"\0")


@case
def c_xbzrle_wrong_before_outside(stream: PlainStream) -> None:
    pages = _pages(stream)
    _xbzrle(pages[4], b"\0")
    pages[5].word |= 1 << 40


# Sections.


@case
def c_eos_missing(stream: PlainStream) -> None:
    del stream.part.records[-1]


@case
def c_eos_twice(stream: PlainStream) -> None:
    _insert(stream, Record(EOS))


@case
def c_eos_with_continue(stream: PlainStream) -> None:
    stream.part.records[-1].word = EOS | CONTINUE | 7 * PAGE


@case
def c_footer_missing(stream: PlainStream) -> None:
    stream.part.footer = b""


@case
def c_footer_of_another(stream: PlainStream) -> None:
    stream.part.footer = b"\x7e" + be(7, 4)


@case
def c_part_of_another(stream: PlainStream) -> None:
    stream.part.head = b"\2" + be(77, 4)


@case
def c_part_as_end(stream: PlainStream) -> None:
    stream.part.head = b"\3" + stream.part.head[1:]


@case
def c_part_left_out(stream: PlainStream) -> None:
    stream.pieces.remove(stream.part)


@case
def c_end_left_out(stream: PlainStream) -> None:
    stream.pieces.remove(stream.ram[-1])


@case
def c_start_left_out(stream: PlainStream) -> None:
    stream.pieces.remove(stream.start)


@case
def c_start_as_full(stream: PlainStream) -> None:
    stream.start.head = b"\4" + stream.start.head[1:]


@case
def c_pages_in_start(stream: PlainStream) -> None:
    part = stream.part
    stream.start.records[-1:-1] = part.records[:-1]
    del part.records[:-1]


@case
def c_version_3(stream: PlainStream) -> None:
    stream.start.head = stream.start.head[:-1] + b"\3"


@case
def c_version_5(stream: PlainStream) -> None:
    stream.start.head = stream.start.head[:-1] + b"\5"


@case
def c_instance_1(stream: PlainStream) -> None:
    stream.start.head = stream.start.head[:-5] + b"\1" + stream.start.head[-4:]


@case
def c_eof_before_pages(stream: PlainStream) -> None:
    stream.pieces.insert(stream.pieces.index(stream.part), b"\0")


@case
def c_only_eof(stream: PlainStream) -> None:
    stream.pieces[1:] = [b"\0"]


@case
def c_disk(stream: PlainStream) -> None:
    """The live section of QEMU up to 9.0, without data."""
    head = bytes([START]) + be(9, 4) + b"\5block" + be(0, 4) + be(1, 4)
    stream.pieces.insert(1, RamSection(head, records=[Record(2)], footer=b"\x7e" + be(9, 4)))


@case
def c_section_unknown(stream: PlainStream) -> None:
    head = bytes([START]) + be(9, 4) + b"\5blech" + be(0, 4) + be(1, 4)
    stream.pieces.insert(1, RamSection(head, records=[Record(2)], footer=b"\x7e" + be(9, 4)))


def _advise(stream: PlainStream, data: bytes) -> None:
    stream.pieces.insert(1, b"\x08" + be(3, 2) + be(len(data), 2) + data)


@case
def c_advise_for_postcopy(stream: PlainStream) -> None:
    _advise(stream, be(PAGE, 8) + be(PAGE, 8))


@case
def c_advise_without_sizes(stream: PlainStream) -> None:
    _advise(stream, b"")


# Cut files.


def _cut(name: str, record: Callable[[PlainStream], Record], behind: int) -> None:
    """Truncate so many bytes behind the beginning of a record."""

    def change(stream: PlainStream) -> bytes:
        last = record(stream)
        return bytes(stream)[: stream.offset_of(last) + behind]

    CASES.append(PlainCase(f"cut_{name}", change))


def _xbzrle_record(stream: PlainStream) -> Record:
    c_xbzrle_same_bytes(stream)
    return stream.part.records[-2]


_cut("before_a_word", lambda stream: _pages(stream)[5], 0)
_cut("in_a_word", lambda stream: _pages(stream)[5], 7)
_cut("behind_a_word", lambda stream: _pages(stream)[5], 8)
_cut("in_a_page", lambda stream: _pages(stream)[5], 100)
_cut("in_the_last_page", lambda stream: _pages(stream)[-1], 4000)
_cut("behind_the_last_page", lambda stream: _pages(stream)[-1], 8 + PAGE)
_cut("before_a_fill", lambda stream: _zeros(stream)[5], 8)
_cut("before_a_name", lambda stream: stream.part.records[0], 8)
_cut("in_a_name", lambda stream: stream.part.records[0], 11)
_cut("behind_a_name", lambda stream: stream.part.records[0], 12)
_cut("before_a_difference", _xbzrle_record, 8)
_cut("in_the_length_of_a_difference", _xbzrle_record, 10)
_cut("behind_the_length_of_a_difference", _xbzrle_record, 11)
_cut("in_eos", lambda stream: stream.part.records[-1], 3)
_cut("behind_eos", lambda stream: stream.part.records[-1], 8)
_cut("in_a_footer", lambda stream: stream.part.records[-1], 10)
_cut("behind_a_footer", lambda stream: stream.part.records[-1], 13)
_cut("in_the_list", lambda stream: stream.start.records[0], -6)
_cut("in_a_name_of_the_list", lambda stream: stream.start.records[0], -9)
_cut("behind_the_list", lambda stream: stream.start.records[0], 0)


# Blocks of a destination with several blocks, some of which can grow.


def _rom(name: str, idstr: str, change: int) -> None:
    """Change the length of a block in a PC, and send pages up to it."""

    def changed(stream: PlainStream) -> None:
        entry = next(entry for entry in stream.start.entries if entry.name == idstr.encode())
        entry.length += change
        stream.start.total = sum(entry.length for entry in stream.start.entries)
        if change < 0:
            first = next(r for r in stream.part.records if r.name[1:] == entry.name)
            index = stream.part.records.index(first)
            stream.part.records[index:] = [
                record
                for n, record in enumerate(stream.part.records[index:], index)
                if n - index < entry.length // PAGE or record.name or record.flags == EOS
            ]

    CASES.append(PlainCase(name, changed, "pc"))


_rom("tables_longer", "/rom@etc/acpi/tables", PAGE)
_rom("tables_shorter", "/rom@etc/acpi/tables", -PAGE)
_rom("tables_as_long_as_can_be", "/rom@etc/acpi/tables", (2 << 20) - (128 << 10))
_rom("tables_too_long", "/rom@etc/acpi/tables", 2 << 20)
_rom("rsdp_longer", "/rom@etc/acpi/rsdp", PAGE)
_rom("bios_longer", "pc.bios", PAGE)
_rom("bios_shorter", "pc.bios", -PAGE)
CASES.append(PlainCase("nothing_in_a_pc", c_nothing, "pc"))


def _name_of_another_block(stream: PlainStream) -> None:
    """Send pages of the firmware to RAM."""
    record = next(r for r in stream.part.records if r.name[1:] == b"pc.rom")
    record.name = b"\6pc.ram"


def _order_of_blocks(stream: PlainStream) -> None:
    stream.start.entries.reverse()


CASES += [
    PlainCase("name_of_another_block", _name_of_another_block, "pc"),
    PlainCase("order_of_blocks", _order_of_blocks, "pc"),
]
