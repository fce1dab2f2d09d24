"""Constants of the format, in QEMU's spelling.

Source: QEMU migration/savevm.h, migration/ram.h, migration/ram.c.
"""

from enum import IntEnum

QEMU_VM_FILE_MAGIC = b"QEVM"
QEMU_VM_FILE_VERSION = 3

RAM_SECTION_IDSTR = "ram"
RAM_SECTION_VERSION = 4

RAM_SAVE_FLAG_ZERO = 0x002
RAM_SAVE_FLAG_MEM_SIZE = 0x004
RAM_SAVE_FLAG_PAGE = 0x008
RAM_SAVE_FLAG_EOS = 0x010
RAM_SAVE_FLAG_CONTINUE = 0x020
RAM_SAVE_FLAG_XBZRLE = 0x040
RAM_SAVE_FLAG_COMPRESS_PAGE = 0x100
RAM_SAVE_FLAG_MULTIFD_FLUSH = 0x200
#: QEMU's name of each flag.
RAM_SAVE_FLAGS = {
    value: name for name, value in list(globals().items()) if name.startswith("RAM_SAVE_FLAG_")
}
#: Mask of all flags. With pages of 256 bytes (AVR up to 10.0) the two upper bits belong to the
#: page's address; a sum of block lengths never has these bits set.
RAM_SAVE_FLAG_MASK = 0x3FF

#: Flags of the records that hold a page, alone or with CONTINUE.
PAGE_FLAGS = (
    RAM_SAVE_FLAG_ZERO,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_XBZRLE,
    RAM_SAVE_FLAG_COMPRESS_PAGE,
)
ENCODING_FLAG_XBZRLE = 1

MAPPED_RAM_HDR_VERSION = 1
MAPPED_RAM_FILE_OFFSET_ALIGNMENT = 1 << 20

CAPABILITY_MAPPED_RAM = "mapped-ram"
CAPABILITY_X_IGNORE_SHARED = "x-ignore-shared"
CAPABILITY_POSTCOPY_RAM = "postcopy-ram"
CAPABILITY_X_COLO = "x-colo"
#: Capabilities that a stream can list, in the order of QEMU's enumeration. Source: QEMU
#: qapi/migration.json.
CAPABILITIES = (CAPABILITY_X_IGNORE_SHARED, CAPABILITY_MAPPED_RAM)

#: Flags of the chunks of dirty-bitmap. Source: QEMU migration/block-dirty-bitmap.c.
DIRTY_BITMAP_EOS = 0x01
DIRTY_BITMAP_ZEROES = 0x02
DIRTY_BITMAP_BITMAP_NAME = 0x04
DIRTY_BITMAP_DEVICE_NAME = 0x08
DIRTY_BITMAP_START = 0x10
DIRTY_BITMAP_BITS = 0x40

#: Bytes of one entry of POWER's hash page table. Source: QEMU hw/ppc/spapr.c, HASH_PTE_SIZE_64.
HTAB_ENTRY = 16

#: Flags of storage attributes and storage keys. Source: QEMU hw/s390x/s390-stattrib.c,
#: s390-skeys.c.
STATTR_FLAG_EOS = 0x01
STATTR_FLAG_MORE = 0x02
STATTR_FLAG_MASK = 0x0F

#: Tags of VFIO; the upper 32 bits of each are all ones. Source: QEMU hw/vfio/migration.c.
VFIO_MIG_FLAG_HIGH = 0xFFFFFFFF
VFIO_MIG_FLAG_END_OF_STATE = 0xEF100001
VFIO_MIG_FLAG_DEV_CONFIG_STATE = 0xEF100002
VFIO_MIG_FLAG_DEV_DATA_STATE = 0xEF100004
VFIO_MIG_FLAG_DEV_INIT_DATA_SENT = 0xEF100005
VFIO_MIG_FLAG_DEV_CONFIG_LOAD_READY = 0xEF100006
VFIO_MIG_FLAG_FIRST = VFIO_MIG_FLAG_END_OF_STATE
VFIO_MIG_FLAG_LAST = VFIO_MIG_FLAG_DEV_CONFIG_LOAD_READY

#: Smallest and largest target page size. The smallest is AVR's up to 10.0. The largest is Hexagon's
#: up to 11.0, which had no machines then; among targets with machines, TriCore has the largest, 16
#: KiB. Source: QEMU target/*/cpu-param.h, TARGET_PAGE_BITS.
TARGET_PAGE_SIZE_MIN = 1 << 8
TARGET_PAGE_SIZE_MAX = 1 << 16

#: Bits of a file offset. A stream may name more page bits, but no page has 2^64 bytes.
OFFSET_BITS = 64

#: Bytes of the argument of the command PACKAGED, a length.
PACKAGED_LENGTH = 4

#: Limits of spec/format.md §10; QEMU itself sets none.
MACHINE_NAME_MAX = 4096
CAPABILITIES_MAX = 256


class SectionType(IntEnum):
    """Type byte of a section. Source: QEMU migration/savevm.h."""

    EOF = 0x00
    START = 0x01
    PART = 0x02
    END = 0x03
    FULL = 0x04
    SUBSECTION = 0x05
    VMDESCRIPTION = 0x06
    CONFIGURATION = 0x07
    COMMAND = 0x08
    FOOTER = 0x7E


_SECTIONS = {
    *(SectionType.START, SectionType.PART, SectionType.END, SectionType.FULL),
    SectionType.FOOTER,
}
#: QEMU's name of each type.
SECTION_TYPES: dict[int, str] = {
    kind: f"QEMU_VM_SECTION_{kind.name}" if kind in _SECTIONS else f"QEMU_VM_{kind.name}"
    for kind in SectionType
}


class CommandType(IntEnum):
    """Number of a command to the loader. Source: QEMU migration/savevm.c, enum qemu_vm_cmd."""

    INVALID = 0
    OPEN_RETURN_PATH = 1
    PING = 2
    POSTCOPY_ADVISE = 3
    POSTCOPY_LISTEN = 4
    POSTCOPY_RUN = 5
    POSTCOPY_RAM_DISCARD = 6
    PACKAGED = 7
    ENABLE_COLO = 8
    POSTCOPY_RESUME = 9
    RECV_BITMAP = 10
    SWITCHOVER_START = 11


#: Argument lengths in bytes that a loader accepts for each command; None for any length. 9.0 to 9.2
#: do not know SWITCHOVER_START, and 11.0 and newer refuse ENABLE_COLO of any length. Source: QEMU
#: migration/savevm.c, mig_cmd_args and loadvm_postcopy_handle_advise().
COMMAND_LENGTHS: dict[int, tuple[int, ...] | None] = {
    CommandType.OPEN_RETURN_PATH: (0,),
    CommandType.PING: (4,),
    CommandType.POSTCOPY_ADVISE: (0, 16),
    CommandType.POSTCOPY_LISTEN: (0,),
    CommandType.POSTCOPY_RUN: (0,),
    CommandType.POSTCOPY_RAM_DISCARD: None,
    CommandType.PACKAGED: (4,),
    CommandType.ENABLE_COLO: (0,),
    CommandType.POSTCOPY_RESUME: (0,),
    CommandType.RECV_BITMAP: None,
    CommandType.SWITCHOVER_START: (0,),
}
