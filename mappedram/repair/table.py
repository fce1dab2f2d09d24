"""All repairs in the order in which they are made: each may rely on those before it."""

from mappedram.repair import bitmaps, ending, headers, offsets, padding, save_image
from mappedram.repair.change import Repair

REPAIRS = (
    Repair(
        "page-size",
        "the configuration, the JSON description and all other blocks agree on another size, and"
        " with it the pages stand where they should",
        headers.page_size,
    ),
    Repair(
        "stream-moved",
        "all offsets are wrong by the same distance, and without it every header up to the end of"
        " the stream is where it should be",
        offsets.moved,
    ),
    Repair(
        "pages-offset",
        "with the offset that QEMU's writer uses, every header up to the end of the stream is where"
        " it should be, and the lengths add up",
        offsets.pages_offset,
    ),
    Repair(
        "bitmap-offset",
        "the bytes directly behind the header are a bitmap of just those pages that hold data",
        offsets.bitmap_offset,
    ),
    Repair(
        "header-version", "QEMU has never written another version than 1", headers.header_version
    ),
    Repair(
        "total",
        "every block of the list was found, and the stream goes on behind the last",
        headers.total,
    ),
    Repair(
        "footer",
        "the section ends there, and another one follows",
        headers.footer,
        repeat=True,
    ),
    Repair(
        "block-list",
        "the lengths of the blocks add up to MEM_SIZE: the list is whole",
        ending.block_list,
    ),
    Repair(
        "bitmap",
        "QEMU leaves out zero pages, and cuts the file first: a page with data was saved",
        bitmaps.rebuild,
    ),
    Repair(
        "ram-end",
        "the list of blocks is whole, and no further record of RAM follows",
        ending.ram_end,
    ),
    Repair("bits-beyond", "there is no page that such a bit could stand for", bitmaps.bits_beyond),
    Repair("padding", "nobody reads these bytes", padding.padding, asked=True),
    Repair("trailing-bytes", "the stream has come to its end", ending.trailing_bytes),
    Repair("libvirt-magic", "the stream has END of RAM and EOF", save_image.magic),
    Repair("libvirt-format", "the stream does not announce mapped-ram", save_image.label),
)
