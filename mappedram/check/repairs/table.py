"""All repairs in the order in which they are made: each may rely on those before it."""

from mappedram.check.repairs import bitmaps, ending, headers, offsets, padding, save_image
from mappedram.check.repairs.change import Repair

#: The repair that reads all pages, and the one that is made only on request.
REBUILT, PADDING = "bitmap", "padding"

REPAIRS = (
    Repair(
        "page-size",
        "the configuration, the JSON description and all other blocks agree on another size, and"
        " this size matches the offset of the pages",
        headers.page_size,
    ),
    Repair(
        "stream-moved",
        "all offsets are wrong by the same amount; after correction, every header up to the end of"
        " the stream is at the expected offset",
        offsets.moved,
    ),
    Repair(
        "pages-offset",
        "with the offset that QEMU's writer uses, every header up to the end of the stream is at"
        " the expected offset, and the lengths add up",
        offsets.pages_offset,
    ),
    Repair(
        "bitmap-offset",
        "the bytes directly after the header are a bitmap of exactly the pages with data",
        offsets.bitmap_offset,
    ),
    Repair(
        "header-version", "QEMU has never written another version than 1", headers.header_version
    ),
    Repair(
        "total",
        "every block of the list was found, and the stream continues after the last one",
        headers.total,
    ),
    Repair(
        "footer",
        "the section ends at this offset, and another one follows",
        headers.footer,
        repeat=True,
    ),
    Repair(
        "block-list",
        "the lengths of the blocks add up to MEM_SIZE: the list is complete",
        ending.block_list,
    ),
    Repair(
        REBUILT,
        "QEMU truncates the file first and skips zero pages: a page with data was saved",
        bitmaps.rebuild,
    ),
    Repair(
        "ram-end",
        "the list of blocks is complete, and no further record of RAM follows",
        ending.ram_end,
    ),
    Repair("bits-beyond", "the block has no page for such a bit", bitmaps.bits_beyond),
    Repair(PADDING, "no reader uses these bytes", padding.padding, asked=True),
    Repair("trailing-bytes", "the stream ends before these bytes", ending.trailing_bytes),
    Repair("libvirt-magic", "the stream has END of RAM and EOF", save_image.magic),
    Repair("libvirt-format", "the stream does not list mapped-ram", save_image.label),
)
