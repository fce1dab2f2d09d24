"""The only code that runs in our guests: a few bytes each, all our own."""

from __future__ import annotations

import struct


def assembled(listing: str) -> bytes:
    """The bytes of a listing: hexadecimal, up to the `;` of each line."""
    return bytes.fromhex("".join(line.partition(";")[0] for line in listing.splitlines()))


def firmware(listing: str) -> bytes:
    """Make a 64 KiB PC firmware image that runs the 16-bit code of `listing` at F000:0000."""
    code = assembled(listing)
    reset = bytes.fromhex("ea 0000 00f0")  # jmp F000:0000, at F000:FFF0 where the CPU starts
    return (code.ljust(0xFFF0, b"\xf4") + reset).ljust(0x10000, b"\xf4")  # f4: hlt


def elf(machine: int, address: int, code: bytes) -> bytes:
    """Make a big-endian ELF64 program of one segment, `code` at `address`, where it starts."""
    header_size, segment_size = 64, 56
    ident = b"\x7fELF" + bytes([2, 2, 1]).ljust(12, b"\0")
    header = struct.pack(
        ">HHIQQQIHHHHHH",
        *(2, machine, 1, address, header_size, 0, 0),
        *(header_size, segment_size, 1, 0, 0, 0),
    )
    offset = header_size + segment_size
    segment = struct.pack(">IIQQQQQQ", 1, 7, offset, address, address, len(code), len(code), 1)
    return ident + header + segment + code


FIRMWARE = {
    "halt.bin": firmware(
        """
        fa          ;       cli
        f4          ; stop: hlt
        eb fd       ;       jmp stop
        """
    ),
    # Loops over the 16 pages from 0x20000 on; fills each with its own segment number (address >> 4,
    # as 16-bit words) and zeroes the page half the window away.
    "churn.bin": firmware(
        """
        fa          ;       cli
        fc          ;       cld
        bb 0020     ; turn: mov bx, 0x2000
        8e c3       ; page: mov es, bx
        89 d8       ;       mov ax, bx
        31 ff       ;       xor di, di
        b9 0008     ;       mov cx, 2048
        f3 ab       ;       rep stosw
        89 d8       ;       mov ax, bx
        35 0008     ;       xor ax, 0x0800
        8e c0       ;       mov es, ax
        31 c0       ;       xor ax, ax
        31 ff       ;       xor di, di
        b9 0008     ;       mov cx, 2048
        f3 ab       ;       rep stosw
        fe c7       ;       inc bh
        80 ff 30    ;       cmp bh, 0x30
        75 dc       ;       jne page
        eb d7       ;       jmp turn
        """
    ),
    # For s390x: the storage key of page 5 becomes 0x30 (lhi r1; lhi r2; sske r1, r2), then j .
    "key.elf": elf(22, 0x10000, bytes.fromhex("a7180030 a7285000 b22b0012 a7f40000")),
    # For POWER, which starts at 0x100: H_ENTER of one valid entry of the hash table, then b .
    "enter.bin": bytes(0x100)
    + bytes.fromhex(
        "38600008 38800000 38a00008 38c00001 38e00010 44000022"  # li r3, ... r7; sc 1
        "48000000"
    ),
}
