"""The vectors: files that distinguish right parsers from wrong ones, each made for one reason.

Vectors that are larger than a disk are files in memory that are mostly one hole.
"""

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mappedram import open as open_snapshot
from tests.conftest import Fixtures, manifest
from tests.files import field_place, memory_file
from tools.oracle import OracleBlock, OracleFile

GIB = 1 << 30
PAGE = 4096
#: Page size of large blocks, to keep bitmaps short.
LARGE_PAGE = 1 << 16
#: Largest size of a file; offsets are signed in POSIX.
FILE_SIZE_MAX = (1 << 63) - 1

#: Streams without mapped-ram are another format: the spec describes single records only.
FIXTURES = [name for name, entry in manifest().items() if "mapped-ram" in entry["capabilities"]]


@dataclass(frozen=True)
class Vector:
    """A file to make, its purpose, and the offset of its stream."""

    why: str
    write: Callable[[int], object]
    offset: int = 0

    @contextmanager
    def file(self) -> Iterator[int]:
        """The file, open for reading; it is deleted afterwards."""
        with memory_file() as fd:
            self.write(fd)
            yield fd


VECTORS: dict[str, Vector] = {}


def vector(why: str, offset: int = 0) -> Callable[[Callable[[int], object]], None]:
    """Register a function that writes a vector, under its name."""

    def register(write: Callable[[int], object]) -> None:
        VECTORS[write.__name__] = Vector(why, write, offset)

    return register


# Whole files.

RUNS = ((0, 3), (7, 8), (63, 66))
SMALL = OracleFile([OracleBlock("pc.ram", 80 * PAGE, RUNS), OracleBlock("vga", 9 * PAGE)])


def block(
    fd: int, *, place: int, used_length: int, page_size: int = PAGE, size: int | None = None
) -> None:
    """A file whose one block has its pages at `place`, and the next section right behind them."""
    head = SMALL.head()
    name = b"\6pc.ram"
    bitmap_offset = len(head) + len(name) + 36
    header = struct.pack(">QIQQQ", used_length, 1, page_size, bitmap_offset, place)
    os.pwrite(fd, head + name + header + b"\x05", 0)
    end = SMALL.end_of_section() + b"\0"
    if place + used_length + len(end) <= FILE_SIZE_MAX:
        os.pwrite(fd, end, place + used_length)
    os.ftruncate(fd, size if size is not None else place + used_length + len(end))


@vector("two blocks, pages set across bytes and words of the bitmap")
def small(fd: int) -> None:
    SMALL.write(fd)


@vector("a stream after other bytes: offsets count from the beginning of the file", 4665)
def offset(fd: int) -> None:
    replace(SMALL, offset=4665).write(fd)


@vector("an address in each block; its top bit set is a negative number in Java")
def addr(fd: int) -> None:
    capabilities = ("x-ignore-shared", "mapped-ram")
    replace(SMALL, capabilities=capabilities, addr=[1 << 52, (1 << 53) - 1]).write(fd)


@vector("an address above 2^63, which is valid")
def addr_top_bit(fd: int) -> None:
    capabilities = ("x-ignore-shared", "mapped-ram")
    replace(SMALL, capabilities=capabilities, addr=[0, (1 << 64) - PAGE]).write(fd)


@vector("an address of 2^53 + 1, which a double rounds")
def addr_rounded(fd: int) -> None:
    capabilities = ("x-ignore-shared", "mapped-ram")
    replace(SMALL, capabilities=capabilities, addr=[0, (1 << 53) + 1]).write(fd)


@vector("the section_id of RAM, which identifies its PART and END, has the top bit set")
def section_id_top_bit(fd: int) -> None:
    SMALL.write(fd)
    with open_snapshot(fd) as snapshot:
        places = [
            field_place(snapshot, f"/sections[{number}]/{part}/section_id")
            for number in range(3)
            for part in ("header", "footer")
        ]
    for place, _ in places:
        os.pwrite(fd, struct.pack(">I", (1 << 31) + 1), place)


@vector("two lists of capabilities: the second one replaces the first")
def capabilities_replaced(fd: int) -> None:
    replace(SMALL, subsections=_capabilities("x-ignore-shared", "mapped-ram")).write(fd)


@vector("two lists of capabilities, the second one empty: it replaces the first")
def capabilities_after_none(fd: int) -> None:
    replace(SMALL, subsections=_capabilities()).write(fd)


@vector("the same capability twice")
def capability_twice(fd: int) -> None:
    replace(SMALL, capabilities=("mapped-ram", "mapped-ram")).write(fd)


def _capabilities(*names: str) -> bytes:
    subsection = b"\x05\x1aconfiguration/capabilities" + struct.pack(">II", 1, len(names))
    return subsection + b"".join(bytes([len(name)]) + name.encode() for name in names)


@vector("names beyond ASCII: the bytes 0x80 to 0x9f are not those of windows-1252")
def latin1(fd: int) -> None:
    OracleFile([OracleBlock('\x80\x9f\xe9"\\\x01', 9 * PAGE, RUNS[:1])]).write(fd)


@vector("no blocks")
def no_blocks(fd: int) -> None:
    replace(SMALL, blocks=()).write(fd)


@vector("a thousand blocks: a recursive reader overflows the stack")
def many_blocks(fd: int) -> None:
    blocks = [OracleBlock(f"block{number}", PAGE, ((0, 1),)) for number in range(1000)]
    replace(SMALL, blocks=blocks, align=PAGE).write(fd)


@vector("a thousand sections")
def many_sections(fd: int) -> None:
    replace(SMALL, parts=1000).write(fd)


@vector("no footers")
def no_footers(fd: int) -> None:
    replace(SMALL, footers=False).write(fd)


# Structures before and behind RAM.


def device(kind: int, section_id: int, payload: bytes, *, idstr: bytes = b"timer") -> bytes:
    """START or FULL of a device, with its footer."""
    head = struct.pack(">BIB", kind, section_id, len(idstr)) + idstr + struct.pack(">II", 0, 2)
    return head + payload + footer(section_id)


def footer(section_id: int) -> bytes:
    return struct.pack(">BI", 0x7E, section_id)


def command(number: int, data: bytes = b"") -> bytes:
    return struct.pack(">BHH", 8, number, len(data)) + data


START, PART, END, FULL = 1, 2, 3, 4


@vector("a FULL section before START of RAM, as QEMU 11 writes that of virtio-mem")
def early_full(fd: int) -> None:
    replace(SMALL, early=device(FULL, 7, bytes(24))).write(fd)


@vector("other live devices before and after RAM, with PART sections; one of them without START")
def live_devices(fd: int) -> None:
    early = device(START, 7, b"live", idstr=b"block") + device(START, 9, b"", idstr=b"x")
    parts = b"".join(
        struct.pack(">BI", kind, number) + payload + footer(number)
        for kind, number, payload in (
            (PART, 7, b"more"),
            (END, 9, b""),
            (END, 7, b"\x7e"),
            (END, 5, b""),
        )
    )
    replace(SMALL, early=early, devices=parts + device(FULL, 7, b"state")).write(fd)


@vector("a PART with section_id 0 before any START: it is not RAM")
def part_before_ram(fd: int) -> None:
    early = struct.pack(">BI", PART, 0) + b"state" + footer(0)
    replace(SMALL, early=early).write(fd)


@vector("another live device with the section_id of RAM: later PART sections belong to it")
def number_taken(fd: int) -> None:
    part = struct.pack(">BI", PART, 1) + b"its own" + footer(1)
    replace(SMALL, devices=device(START, 1, b"state") + part).write(fd)


@vector("a FULL section named ram, which is not RAM, and a START with that name in a path")
def not_ram(fd: int) -> None:
    early = device(FULL, 3, bytes(8), idstr=b"ram") + device(START, 4, b"", idstr=b"0000:00/ram")
    replace(SMALL, early=early).write(fd)


#: Bytes that are not the end of the state of device 7: no section can begin behind them.
NO_FOOTERS = (
    footer(7) + b"\x05",
    footer(7) + b"\x00\x05",
    footer(7) + b"\x01\0\0\0\1\0",
    footer(7) + b"\x04\0\0\0\1\3a\x1fb",
    footer(7) + b"\x04\0\0\0\1\3ab\x7f",
    footer(7) + b"\x08\0\0\0\0",
    footer(7) + b"\x08\0\x0c\0\0",
    footer(8) + b"\x02\0\0\0\1",
    b"\x7e\x7e\0\0\0",
)


@vector("device state that looks like a footer, except for the section_id or the next byte")
def no_footer_yet(fd: int) -> None:
    devices = b"".join(device(FULL, 7, one + bytes(8)) for one in NO_FOOTERS)
    replace(SMALL, devices=devices).write(fd)


@vector("device states with lengths around multiples of 4096 bytes")
def long_states(fd: int) -> None:
    lengths = [*range(4090, 4098), 8192, 12288 - 5]
    devices = b"".join(device(FULL, 7, bytes(length)) for length in lengths)
    replace(SMALL, devices=devices + device(FULL, 8, b"\x7e" * 5000)).write(fd)


@vector("after a footer, names that are unprintable or truncated by the end of the file")
def last_footer(fd: int) -> None:
    next_one = struct.pack(">BIB", FULL, 8, 5) + b"ti"
    replace(SMALL, devices=device(FULL, 7, b"state"), tail=next_one).write(fd)


@vector("commands with and without data, an unknown one, and PACKAGED")
def commands(fd: int) -> None:
    inner = device(FULL, 5, b"state") + b"\0"
    packaged = command(7, struct.pack(">I", len(inner))) + inner
    devices = packaged + command(11) + command(2, b"ping") + command(7, b"odd") + command(99, b"?")
    replace(SMALL, early=command(3), devices=devices).write(fd)


@vector("PACKAGED with a length beyond the end of the file")
def packaged_too_much(fd: int) -> None:
    replace(SMALL, devices=command(7, struct.pack(">I", 1 << 31))).write(fd)


@vector("the host page size in each block, as postcopy-ram adds it")
def host_page_size(fd: int) -> None:
    advise = command(3, struct.pack(">QQ", PAGE, PAGE))
    whole = replace(SMALL, early=advise)
    head = whole.head() + b"\3vga" + struct.pack(">QQ", 9 * PAGE, PAGE)
    os.pwrite(fd, head + struct.pack(">IQQQ", 1, PAGE, len(head) + 28, 1 << 20), 0)
    os.pwrite(fd, whole.end_of_section() + b"\0", (1 << 20) + 9 * PAGE)


@vector("postcopy is announced, but the blocks have no host page size")
def no_host_page_size(fd: int) -> None:
    replace(SMALL, early=command(3, struct.pack(">QQ", PAGE, PAGE))).write(fd)


@vector("a description with a length beyond the end of the file")
def description_too_long(fd: int) -> None:
    replace(SMALL, tail=b"\0" + struct.pack(">BI", 6, 1 << 31) + b'{"page_size": 4096}').write(fd)


@vector("bytes after EOF, which are not part of the stream")
def bytes_behind(fd: int) -> None:
    replace(SMALL, devices=device(FULL, 7, b"state"), tail=b"\0\x05more").write(fd)


@vector("sections with an empty state, and no description")
def no_description(fd: int) -> None:
    replace(SMALL, devices=device(FULL, 7, b"") * 3, vmdescription=False).write(fd)


@vector("a device without a footer: only the description can show its end")
def device_without_footer(fd: int) -> None:
    devices = device(FULL, 7, b"state").removesuffix(footer(7))
    replace(SMALL, footers=False, devices=devices, vmdescription=False).write(fd)


@vector("two devices, the second one truncated")
def device_cut(fd: int) -> None:
    devices = device(FULL, 7, b"state") + device(FULL, 8, b"state").removesuffix(footer(8)[1:])
    replace(SMALL, devices=devices, tail=b"").write(fd)


VGA = replace(SMALL, machine="", capabilities=(), blocks=[OracleBlock("vga", 9 * PAGE)])
VGA_HEADER = b"\3vga" + struct.pack(">Q", 9 * PAGE)
#: A zero page in a stream without mapped-ram.
PAGE_RECORD = struct.pack(">QB3sB", 2, 3, b"vga", 0)
VGA_PAGES = struct.pack(">BI", PART, 1) + PAGE_RECORD + VGA.end_of_section() + b"\0"


def unconfigured() -> bytes:
    """All bytes before the list of blocks, without a configuration."""
    head = VGA.head()
    return head[:8] + head[13:]


@vector("no configuration: the first block shows mapped-ram")
def no_configuration(fd: int) -> None:
    head = unconfigured() + VGA_HEADER
    os.pwrite(fd, head + struct.pack(">IQQQ", 1, PAGE, len(head) + 28, 1 << 20), 0)
    os.pwrite(fd, VGA.end_of_section() + b"\0", (1 << 20) + 9 * PAGE)


@vector("no mapped-ram: the blocks are listed, and the pages are in the stream")
def plain(fd: int) -> None:
    os.pwrite(fd, VGA.head() + VGA_HEADER + VGA.end_of_section() + VGA_PAGES, 0)


@vector("neither configuration nor mapped-ram, as the bytes after the first block show")
def plain_without_configuration(fd: int) -> None:
    os.pwrite(fd, unconfigured() + VGA_HEADER + VGA.end_of_section() + VGA_PAGES, 0)


@vector("no mapped-ram, and pages in START of RAM itself")
def plain_pages_in_start(fd: int) -> None:
    os.pwrite(fd, VGA.head() + VGA_HEADER + PAGE_RECORD + VGA.end_of_section() + VGA_PAGES, 0)


@vector("devices between 2 GiB and 4 GiB")
def devices_beyond_2_gib(fd: int) -> None:
    blocks = [OracleBlock("low", 3 * GIB, RUNS)]
    devices = device(FULL, 7, b"\x7e" * 40 + bytes(5000)) + command(11) + device(FULL, 8, b"")
    replace(SMALL, blocks=blocks, page_size=LARGE_PAGE, devices=devices).write(fd)


# Known pitfalls, one by one.


@vector("4 GiB and more: the next structure is beyond the range of a 32-bit sum")
def beyond_4_gib(fd: int) -> None:
    blocks = [OracleBlock("low", 3 * GIB, RUNS), OracleBlock("high", 2 * GIB, RUNS)]
    blocks.append(OracleBlock("vga", 9 * LARGE_PAGE, RUNS[:1]))
    replace(SMALL, blocks=blocks, page_size=LARGE_PAGE).write(fd)


@vector("2 GiB to 4 GiB: positive as an unsigned 32-bit number, negative as a signed one")
def beyond_2_gib(fd: int) -> None:
    block(fd, place=2 * GIB + PAGE, used_length=80 * PAGE)


@vector("sections between 2 GiB and 4 GiB: Java's runtime returns the position as an `int`")
def sections_beyond_2_gib(fd: int) -> None:
    replace(SMALL, blocks=[OracleBlock("low", 3 * GIB, RUNS)], page_size=LARGE_PAGE).write(fd)


@vector("the end of the pages is 2^32, which is 0 in 32 bits")
def ends_at_4_gib(fd: int) -> None:
    block(fd, place=1 << 20, used_length=4 * GIB - (1 << 20), page_size=LARGE_PAGE)


@vector("2^32 pages: their number and the length of the bitmap are 0 in 32 bits")
def pages_of_32_bits(fd: int) -> None:
    block(fd, place=1 << 30, used_length=1 << 44, page_size=PAGE)


@vector("2^35 pages: the bitmap has 2^32 bytes, which is 0 in 32 bits")
def bitmap_of_32_bits(fd: int) -> None:
    block(fd, place=1 << 33, used_length=1 << 47, page_size=PAGE)


@vector("a page size of 3 * 2^32 bytes, whose low 32 bits are zero: `&` in JavaScript")
def page_size_of_32_bits(fd: int) -> None:
    block(fd, place=1 << 20, used_length=9 << 32, page_size=3 << 32)


@vector("a page size with the top bit set: a signed division is wrong")
def page_size_top_bit(fd: int) -> None:
    block(fd, place=1 << 20, used_length=1 << 44, page_size=1 << 63)


@vector("a page size of zero: a division fails")
def page_size_zero(fd: int) -> None:
    block(fd, place=1 << 20, used_length=PAGE, page_size=0)


@vector("a sum of 2^40: the flags are the low bits of a number of more than 32 bits (`%` in C++)")
def total_beyond_32_bits(fd: int) -> None:
    SMALL.write(fd)
    patch_total(fd, (1 << 40) + (3 << 10) | 4)


@vector("a sum with the top bit set: the remainder of a signed number is negative")
def total_top_bit(fd: int) -> None:
    SMALL.write(fd)
    patch_total(fd, (1 << 64) - (1 << 10) | 4)


@vector("the end of the pages is 2^53 - 1, the largest exact integer of JavaScript")
def ends_at_2_53(fd: int) -> None:
    block(fd, place=(1 << 53) - 1 - 80 * PAGE - 64, used_length=80 * PAGE)


@vector("the end of the pages is 2^53 + 1, which a double rounds to 2^53")
def ends_beyond_2_53(fd: int) -> None:
    block(fd, place=(1 << 53) + 1 - 80 * PAGE, used_length=80 * PAGE)


@vector("the offset of the pages is 2^53 + 1")
def pages_beyond_2_53(fd: int) -> None:
    block(fd, place=(1 << 53) + 1, used_length=80 * PAGE)


@vector("the pages end at the end of the largest possible file")
def ends_at_2_63(fd: int) -> None:
    block(fd, place=FILE_SIZE_MAX - 9 * PAGE - 14, used_length=9 * PAGE)


@vector("the offset of the pages is 2^63, a negative number in Java")
def pages_at_2_63(fd: int) -> None:
    block(fd, place=1 << 63, used_length=9 * PAGE, size=1 << 40)


@vector("the pages end beyond 2^64: in 64 bits, before their beginning")
def ends_beyond_2_64(fd: int) -> None:
    block(fd, place=(1 << 64) - PAGE, used_length=2 << 20, size=1 << 40)


@vector("the length of the block has the top bit set")
def length_top_bit(fd: int) -> None:
    block(fd, place=1 << 20, used_length=1 << 63, size=1 << 40)


@vector("offset and length are below 2^63, and their sum is above it")
def sum_beyond_2_63(fd: int) -> None:
    block(fd, place=1 << 62, used_length=(1 << 62) + PAGE, size=FILE_SIZE_MAX)


@vector("the bitmap is beyond the end of the file")
def bitmap_behind_the_end(fd: int) -> None:
    SMALL.write(fd)
    patch_block(fd, "mapped_ram/bitmap_offset", 1 << 40)


@vector("the offset of the bitmap has the top bit set")
def bitmap_top_bit(fd: int) -> None:
    SMALL.write(fd)
    patch_block(fd, "mapped_ram/bitmap_offset", 1 << 63)


# Broken files.


@vector("an empty file")
def empty(fd: int) -> None:
    del fd


@vector("the pages end before their header: a reader would loop forever")
def circle(fd: int) -> None:
    SMALL.write(fd)
    patch_block(fd, "used_length", 0)
    patch_block(fd, "mapped_ram/pages_offset", 64)


@vector("the pages end beyond the end of the file")
def pages_behind_the_end(fd: int) -> None:
    SMALL.write(fd)
    patch_block(fd, "mapped_ram/pages_offset", 1 << 40)


#: Fields with a value that no loader accepts, by path.
WRONG = {
    "/header/magic": b"QEVN",
    "/header/version": struct.pack(">I", 2),
    "/configuration/header/len_name": struct.pack(">I", 4097),
    "/configuration/subsections[0]/idstr": b"configuration/capabilitieS",
    "/configuration/subsections[0]/body/caps_count": struct.pack(">I", 257),
    "/sections[0]/header/section_type": b"\x09",
    "/sections[1]/header/section_type": b"\x7e",
    "/ram/blocks[0]/mapped_ram/version": struct.pack(">I", 2),
    "/ram/blocks[1]/mapped_ram/version": struct.pack(">I", 1 << 31),
    "/sections[0]/eos/flags": struct.pack(">Q", 0x14),
    "/sections[1]/eos/flags": struct.pack(">Q", (1 << 40) | 0x11),
}
#: Fields with an unusual value that every loader accepts.
UNUSUAL = {
    "/sections[0]/header/instance_id": struct.pack(">I", 0xFFFFFFFF),
    "/sections[0]/header/version_id": struct.pack(">I", 3),
    "/sections[1]/eos/flags": struct.pack(">Q", (1 << 64) - (1 << 10) | 0x30),
    "/sections[1]/footer/section_id": struct.pack(">I", 1 << 31),
    "/sections[1]/header/section_id": struct.pack(">I", (1 << 32) - 1),
    "/ram/blocks[0]/mapped_ram/version": struct.pack(">I", 0),
}


def _with_field(path: str, data: bytes) -> Callable[[int], None]:
    def write(fd: int) -> None:
        SMALL.write(fd)
        patch_field(fd, path, data)

    return write


for _path, _data in WRONG.items():
    VECTORS[f"wrong{_path}"] = Vector("a value that a parser refuses", _with_field(_path, _data))
for _path, _data in UNUSUAL.items():
    VECTORS[f"unusual{_path}"] = Vector("an unusual value", _with_field(_path, _data))


def cuts() -> Iterator[tuple[str, Vector]]:
    """The small file, truncated within each of its fields up to the first PART section."""
    with VECTORS["small"].file() as fd, open_snapshot(fd) as snapshot:
        places = [
            (f"{element.path}/{span.path}", element.offset + span.end - 1)
            for element in snapshot.stream.elements
            for span in snapshot.fields(element)
        ]
    for path, end in places:
        if "/sections[2]" in path:
            break
        yield f"cut{path}", Vector("the file ends within a field", _cut(end))


def _cut(size: int) -> Callable[[int], None]:
    def write(fd: int) -> None:
        SMALL.write(fd)
        os.ftruncate(fd, size)

    return write


# Changing a field.


def patch_field(fd: int, path: str, data: bytes) -> None:
    with open_snapshot(fd, partial=True) as snapshot:
        place, length = field_place(snapshot, path)
    assert len(data) == length
    os.pwrite(fd, data, place)


def patch_block(fd: int, name: str, value: int) -> None:
    patch_field(fd, f"/ram/blocks[0]/{name}", value.to_bytes(8, "big"))


def patch_total(fd: int, value: int) -> None:
    patch_field(fd, "/sections[0]/mem_size/total_and_flags", value.to_bytes(8, "big"))


@contextmanager
def open_vector(fixtures: Fixtures, name: str) -> Iterator[tuple[int, int]]:
    """Open a vector or a real file by name; return the descriptor and the offset of the stream."""
    if name in FIXTURES:
        fd = os.open(fixtures[name].path, os.O_RDONLY)
        try:
            yield fd, fixtures[name].offset
        finally:
            os.close(fd)
    else:
        found = ALL[name]
        with found.file() as fd:
            yield fd, found.offset


ALL = VECTORS | dict(cuts())
NAMES = [*FIXTURES, *ALL]
