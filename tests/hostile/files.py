"""Hostile files of at most 1 MiB, made without the code under test."""

import bz2
import gzip
import json
import lzma
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import zstandard

from tests.files import memory_file
from tests.stream.libvirt.samples import image
from tools.oracle import OracleBlock, OracleFile

SIZE_MAX = 1 << 20
#: Number of sections in the promise; twice as many of the shortest would fit.
SECTIONS = 100_000
PAGE = 1024

FOOTER = b"\x7e\0\0\0\1"
EOS = bytes(7) + b"\x10"
PART = b"\2\0\0\0\1" + EOS + FOOTER
END = b"\3\0\0\0\1" + EOS + FOOTER
CAPABILITIES = b"\5\x1aconfiguration/capabilities\0\0\0\1"

#: Makes the bytes of a file.
Make = Callable[[], bytes]
FILES: dict[str, Make] = {}


def file(make: Make) -> Make:
    """Register a function that makes a file, under its name."""
    FILES[make.__name__] = make
    return make


# Parts of streams.


def configuration(*capabilities: str, machine: bytes = b"none") -> bytes:
    names = b"".join(bytes([len(name)]) + name.encode() for name in capabilities)
    head = b"QEVM\0\0\0\3\7" + len(machine).to_bytes(4, "big") + machine
    if not capabilities:
        return head
    return head + CAPABILITIES + len(capabilities).to_bytes(4, "big") + names


def ram(*blocks: bytes, total: int = 0) -> bytes:
    """START of RAM with its footer; no block has data."""
    start = b"\1\0\0\0\1\3ram\0\0\0\0\0\0\0\4" + (total | 4).to_bytes(8, "big")
    return start + b"".join(blocks) + EOS + FOOTER


def block(idstr: bytes, used_length: int = PAGE) -> bytes:
    """A block without data."""
    return bytes([len(idstr)]) + idstr + struct.pack(">QIQQQ", used_length, 1, PAGE, 0, 0)


def full(idstr: bytes, payload: bytes = b"", number: int = 2) -> bytes:
    head = b"\4" + number.to_bytes(4, "big") + bytes([len(idstr)]) + idstr + bytes(7) + b"\1"
    return head + payload + b"\x7e" + number.to_bytes(4, "big")


def described(text: bytes) -> bytes:
    """EOF, and the JSON text."""
    return b"\0\6" + len(text).to_bytes(4, "big") + text


def document(*devices: str) -> bytes:
    return f'{{"page_size": {PAGE}, "devices": [{", ".join(devices)}]}}'.encode()


HEAD = configuration("mapped-ram") + ram() + END
PLAIN = configuration() + ram(b"\1a" + (1 << 20).to_bytes(8, "big"), total=1 << 20)


def device(text: bytes, payload: bytes = b"") -> bytes:
    """A stream with one device and the description `text`."""
    begin = b'{"name": "dev", "instance_id": 0, "vmsd_name": "dev", "version": 1, '
    return HEAD + full(b"dev", payload) + described(document((begin + text + b"}").decode()))


def filled(head: bytes, piece: bytes, tail: bytes = b"", size: int = SIZE_MAX) -> bytes:
    """As many pieces as fit."""
    return head + piece * ((size - len(head) - len(tail)) // len(piece)) + tail


# Compressed streams that become very large.


def _compressed_zeros(stream: bytes, compress: Callable[[bytes], bytes], times: int) -> bytes:
    """The stream, then the same piece repeatedly: programs read several in a row."""
    return compress(stream) + compress(bytes(64 << 20)) * times


@file
def gzip_bomb() -> bytes:
    return image(_compressed_zeros(PLAIN, gzip.compress, 14), save_format=1)


@file
def bzip2_bomb() -> bytes:
    return image(_compressed_zeros(PLAIN, bz2.compress, 9000), save_format=2)


@file
def xz_bomb() -> bytes:
    return image(_compressed_zeros(PLAIN, lzma.compress, 90), save_format=3)


@file
def xz_that_wants_memory() -> bytes:
    """A dictionary of 192 MiB in its header, and enough zeros to fill it."""
    packed = bytearray(lzma.compress(PLAIN + bytes(256 << 20), preset=0))
    header = slice(12, 12 + 4 * packed[12])  # of its only block, without the checksum
    packed[16] = 31
    packed[header.stop : header.stop + 4] = zlib.crc32(packed[header]).to_bytes(4, "little")
    return image(bytes(packed), save_format=3)


@file
def zstd_bomb() -> bytes:
    return image(_compressed_zeros(PLAIN, zstandard.ZstdCompressor().compress, 150), save_format=5)


@file
def page_record_bomb() -> bytes:
    """A gibibyte of one repeated record: 119 million of them."""
    named = struct.pack(">Q", 2) + b"\1a\0"
    records = struct.pack(">Q", 0x22) + b"\0"
    stream = PLAIN + b"\2\0\0\0\1" + named
    return image(gzip.compress(stream) + gzip.compress(records * (64 << 17)) * 7, save_format=1)


@file
def xbzrle_chain() -> bytes:
    """Differences of one page, each based on all before."""
    named = struct.pack(">Q", 8) + b"\1a" + bytes(PAGE)
    head = configuration() + b"" + ram(b"\1a" + PAGE.to_bytes(8, "big"), total=PAGE)
    record = struct.pack(">QBH", 0x60, 1, 3) + b"\0\1x"
    tail = EOS + FOOTER + END + described(document())
    return filled(head + b"\2\0\0\0\1" + named, record, tail)


# Many small things.


@file
def commands() -> bytes:
    return HEAD + b"\x08\0\x0b\0\0" * SECTIONS + described(document())


@file
def commands_of_all_kinds() -> bytes:
    """No two adjacent commands are equal."""
    numbers = ((number % 50_000 + 20).to_bytes(2, "big") for number in range(SECTIONS))
    return HEAD + b"".join(b"\x08" + number + b"\0\0" for number in numbers) + described(document())


@file
def parts() -> bytes:
    return filled(configuration("mapped-ram") + ram(), PART, END + described(document()))


@file
def parts_of_nobody() -> bytes:
    return filled(HEAD, b"\2\0\0\0\7" + EOS + b"\x7e\0\0\0\7", described(document()))


@file
def devices_without_name() -> bytes:
    return filled(HEAD, full(b""), described(document()))


@file
def devices_of_one_name() -> bytes:
    """None has a description, so the reader searches for each footer."""
    return filled(HEAD, full(b"a"), described(document()))


@file
def devices_that_nothing_ends() -> bytes:
    """Each section causes a search for a footer up to the end of the file."""
    return filled(HEAD, b"\4\0\0\0\2\1a" + bytes(8), described(document()))


@file
def records_tried_in_vain() -> bytes:
    """Sections of a device with endless records, none of which is valid at the end of the file."""
    start = b"\1\0\0\0\5\x0cdirty-bitmap\0\0\0\0\0\0\0\1\1\x7e\0\0\0\5"
    part = b"\2\0\0\0\5" + b"\2" * 10 + b"\x7e\0\0\0\5"
    return filled(configuration("mapped-ram") + start + ram(), part, END + described(document()))


@file
def records_of_a_byte() -> bytes:
    """A million different records of a device, each one byte long."""
    start = b"\1\0\0\0\5\x0cdirty-bitmap\0\0\0\0\0\0\0\1"
    head = configuration("mapped-ram") + ram()
    return filled(head + start, b"\x20\x22", b"\1\x7e\0\0\0\5" + END + described(document()))


@file
def footers_in_footers() -> bytes:
    """False footers everywhere."""
    return filled(HEAD + full(b"dev")[:-5], b"\x7e\0\0\0\2\x7f")


@file
def blocks() -> bytes:
    return filled(
        configuration("mapped-ram") + ram()[:-13],
        block(b"a"),
        EOS + FOOTER + END + described(document()),
    )


@file
def areas_on_each_other() -> bytes:
    """Blocks with all bitmaps and pages in one place, overlapping those before."""
    pieces = [configuration("mapped-ram") + ram()[:-13]]
    position, blocks_max = len(pieces[0]), 12_000
    end = position + blocks_max * 38 + 64 * PAGE
    for number in range(blocks_max):
        name = b"%c" % (1 + number % 255)
        used = (63 - number % 50) * PAGE if number == blocks_max - 1 else 0
        pieces.append(b"\1" + name + struct.pack(">QIQQQ", used, 1, PAGE, end, position + 38))
        position += 38
    return b"".join(pieces) + EOS + FOOTER + END + described(document()) + bytes(64 * PAGE)


def chained(page_size: int, distance: int) -> bytes:
    """Blocks without pages, each with its offsets before the right ones by a distance."""
    head = configuration("mapped-ram") + ram()[:-13]
    pieces, position = [head], len(head)
    for number in range(12_000):
        name = b"\1%c" % (1 + number % 255)
        position += 38
        there = position - distance
        pieces.append(name + struct.pack(">QIQQQ", 0, 1, page_size, there, position))
    return b"".join(pieces)


@file
def blocks_of_a_wrong_page_size() -> bytes:
    """The text proves another page size for each block."""
    text = described(document())
    return chained(page_size=3, distance=0) + EOS + FOOTER + END + text


@file
def blocks_that_seem_moved() -> bytes:
    """With the offsets of one block moved, the reader passes over the next, and reads on."""
    return chained(page_size=PAGE, distance=38)


@file
def capabilities() -> bytes:
    return configuration(*["x"] * 256) + ram()


@file
def packaged() -> bytes:
    """Nested streams, each with a length beyond the end of the file."""
    pieces = []
    left = SIZE_MAX - 64
    while left > 32:
        pieces.append(b"\x08\0\7\0\4" + left.to_bytes(4, "big") + b"QEVM\0\0\0\3")
        left -= 17
    return configuration("mapped-ram") + b"".join(pieces)


@file
def packaged_beyond() -> bytes:
    return HEAD + b"\x08\0\7\0\4\xff\xff\xff\xff" + HEAD


# JSON.


@file
def json_of_brackets() -> bytes:
    return HEAD + full(b"dev") + described(filled(b"", b"[", size=SIZE_MAX - 256))


@file
def json_of_objects() -> bytes:
    return HEAD + full(b"dev") + described(filled(b'{"devices": ', b'[{"a":', size=SIZE_MAX - 256))


@file
def json_of_digits() -> bytes:
    return device(b'"fields": [], "size": ' + b"9" * (SIZE_MAX - 512))


@file
def json_of_numbers() -> bytes:
    """Numbers that Python still reads, each with four thousand digits."""
    return device(b'"fields": [' + b", ".join([b"9" * 4300] * 240) + b"]")


@file
def json_of_equal_keys() -> bytes:
    return device(b'"fields": [], ' * 70_000 + b'"fields": []')


@file
def json_of_equal_fields() -> bytes:
    entry = b'{"name":"a","type":"uint8","size":1}'
    return device(b'"fields": [' + b",".join([entry] * 27_000) + b"]", bytes(27_000))


@file
def json_of_arrays() -> bytes:
    """As many values as permitted, all of size zero."""
    entry = '{"name": "a%d", "type": "buffer", "size": 0, "array_len": 100000}'
    return device(b'"fields": [' + b", ".join((entry % n).encode() for n in range(12_000)) + b"]")


@file
def json_of_one_array() -> bytes:
    entry = b'{"name": "a", "type": "uint8", "size": 1, "array_len": 1000000}'
    return device(b'"fields": [' + entry + b"]", bytes(SIZE_MAX - 1024))


@file
def json_of_bitmaps() -> bytes:
    entry = b'{"name": "a", "type": "bitmap", "size": 1000000}'
    return device(b'"fields": [' + entry + b"]", b"\xff" * (SIZE_MAX - 1024))


@file
def json_of_structs() -> bytes:
    """Nesting that JSON permits, but deeper than the reader follows."""
    inner = '{"vmsd_name": "x", "version": 1, "fields": []}'
    for _ in range(200):
        field = f'{{"name": "f", "type": "struct", "size": 1, "struct": {inner}}}'
        inner = f'{{"vmsd_name": "x", "version": 1, "fields": [{field}, {field}]}}'
        if len(inner) > SIZE_MAX // 3:
            break
    return device(
        b'"fields": [{"name": "f", "type": "struct", "size": 1, "struct": %s}]' % inner.encode(),
        b"x",
    )


@file
def json_of_devices() -> bytes:
    return HEAD + described(document(*['{"name": "a", "instance_id": 0}'] * 31_000))


@file
def json_of_one_string() -> bytes:
    return device(
        b'"fields": [{"name": "' + b"\\u001b" * 150_000 + b'", "type": "uint8", "size": 1}]', b"x"
    )


# Names.

#: Names that try to leave their folder, to control a terminal, to look like another.
NAMES = (
    *(b"/../../../tmp/mappedram-was-here", b"..", b".", b"../x", b"a/../../b", b"/", b"//", b"~"),
    *(b"\x1b]0;title\x07", b"\x1b[2J", b"\r\nfake: clean", b"\x00", b"a\0b", b"\x9b2J", b"\x7f"),
    *(b"-rf", b"$(id)", b"%2e%2e", b"\xe2\x80\xae", b"CON", b"x" * 255, b"\xff" * 255),
)


@file
def names() -> bytes:
    sections = b"".join(full(name, number=10 + n) for n, name in enumerate(NAMES))
    entries = [
        json.dumps(
            {
                "name": name.decode("latin-1"),
                "instance_id": 0,
                "vmsd_name": name.decode("latin-1"),
                "version": 0,
                "fields": [],
            }
        )
        for name in NAMES
    ]
    return (
        configuration("mapped-ram", machine=b"\x1b[31m\r\n\x07../machine")
        + ram(*(block(name) for name in NAMES), total=PAGE * len(NAMES))
        + END
        + sections
        + described(document(*entries))
    )


@file
def names_in_records() -> bytes:
    """A stream without mapped-ram, so every block has memory to be extracted."""
    listed = (bytes([len(name)]) + name + PAGE.to_bytes(8, "big") for name in NAMES)
    pages = (struct.pack(">Q", 8) + bytes([len(name)]) + name + b"p" * PAGE for name in NAMES)
    return (
        configuration()
        + ram(*listed, total=PAGE * len(NAMES))
        + b"\2\0\0\0\1"
        + b"".join(pages)
        + EOS
        + FOOTER
        + END
        + described(document())
    )


@file
def names_in_an_image() -> bytes:
    xml = b"<domain><name>\xc2\x9b2J ../../x \xe2\x80\xae</name><uuid>]0;\t</uuid></domain>\0"
    return image(HEAD + described(document()), xml=xml)


@file
def text_of_an_image() -> bytes:
    return image(xml=b"<domain>" + b"<a>" * 300_000, data_len=0xFFFFFFFF)


# Lengths.

_PLAIN_FILE = OracleFile(
    [OracleBlock("a", 4 * PAGE, [(1, 3)], b"a"), OracleBlock("b", PAGE)], page_size=PAGE, align=PAGE
)
ORACLES = (_PLAIN_FILE, replace(_PLAIN_FILE, capabilities=("x-ignore-shared", "mapped-ram")))
#: 2^60, and the largest number, in the widths of the format.
LARGE = (
    (1 << 60).to_bytes(8, "big"),
    ((1 << 60) | 4).to_bytes(8, "big"),
    (1 << 63).to_bytes(8, "big"),
    bytes([0xFF]) * 8,
    bytes([0xFF]) * 4,
    bytes([0x10, 0, 0, 0]),
)


def length_bombs() -> Iterator[bytes]:
    """Small files with a large number at each place of their headers, in turn."""
    for oracle in ORACLES:
        with memory_file() as fd:
            whole = os.pread(fd, oracle.write(fd), 0)
        for start, stop in ((8, 0x100), (len(whole) - 100, len(whole) - 30)):
            for place in range(start, stop):
                for number in LARGE:
                    yield whole[:place] + number + whole[place + len(number) :]


# Disk images.


def qcow2(bits: int, l1_table: bytes, snapshots: bytes, count: int = 1) -> bytes:
    """A disk without a size, whose tables begin with the second cluster."""
    size = 1 << bits
    place = size + len(l1_table) + -len(l1_table) % size
    head = b"QFI\xfb" + struct.pack(">IQIIQIIQQIIQ", 2, 0, 0, bits, 0, 0, 0, 0, 0, 0, count, place)
    return head.ljust(size, b"\0") + l1_table.ljust(place - size, b"\0") + snapshots


def entry(offset: int, l1_size: int, name: bytes = b"", state: int = 1) -> bytes:
    """An entry of the snapshot table."""
    head = struct.pack(">QIHHIIQII", offset, l1_size, 0, len(name), 0, 0, 0, state, 0) + name
    return head + bytes(-len(head) % 8)


@file
def internal_snapshots() -> bytes:
    """As many as there is room for, with names for terminals."""
    one = entry(512, 1, b"\x1b[2J\r\n")
    count = (SIZE_MAX - 2048) // len(one)
    return qcow2(9, bytes(8), one * count, count)


@file
def cluster_of_every_entry() -> bytes:
    """An L2 table that is cut off by the end; each of its entries leads to one cluster."""
    bits = 16
    size = 1 << bits
    l1_table = (2 * size).to_bytes(8, "big")
    table = (3 * size).to_bytes(8, "big") * (size // 8)
    stream = b"QEVM\0\0\0\3".ljust(size, b"x")
    head = qcow2(bits, l1_table, b"")
    image = bytearray(head + table + stream)
    image[64:72] = len(image).to_bytes(8, "big")
    return bytes(image) + entry(size, 1)


@file
def l1_tables_of_the_largest_size() -> bytes:
    """Each entry leads to the same L2 table, and the size of the table is the greatest there is."""
    l1_table = (1 << 19).to_bytes(8, "big") * ((SIZE_MAX >> 1) // 8)
    return qcow2(9, l1_table, entry(512, len(l1_table) // 8))


@file
def clusters_backwards() -> bytes:
    """No cluster follows the one before it, and a block of RAM takes all of them."""
    count = 1500
    first = 512 * (1 + -(-count // 64))
    places = [first + 512 * (count // 64 + 2 + number) for number in reversed(range(count))]
    tables = [places[at : at + 64] for at in range(0, count, 64)]
    l1_table = b"".join((first + 512 * n).to_bytes(8, "big") for n in range(len(tables)))
    head = bytearray(qcow2(9, l1_table, b"").ljust(first, b"\0"))
    body = b"".join(
        b"".join(place.to_bytes(8, "big") for place in table).ljust(512, b"\0") for table in tables
    )
    stream = configuration("mapped-ram") + ram(block(b"ram", 1 << 19))
    clusters = stream.ljust(512 * count, b"\xff")
    pieces = [clusters[at : at + 512] for at in range(0, len(clusters), 512)]
    image = bytes(head) + body
    image = image.ljust(min(places), b"\0") + b"".join(reversed(pieces))
    place = len(image).to_bytes(8, "big")
    return image[:64] + place + image[72:] + entry(512, len(tables))
