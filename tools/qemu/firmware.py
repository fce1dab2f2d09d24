"""The only code that runs in our guests: a few bytes each, and nobody else's."""

from __future__ import annotations


def firmware(listing: str) -> bytes:
    """Make a 64 KiB PC firmware image that runs the 16-bit code of `listing` at F000:0000."""
    code = bytes.fromhex("".join(line.partition(";")[0] for line in listing.splitlines()))
    reset = bytes.fromhex("ea 0000 00f0")  # jmp F000:0000, at F000:FFF0 where the CPU starts
    return (code.ljust(0xFFF0, b"\xf4") + reset).ljust(0x10000, b"\xf4")  # f4: hlt


FIRMWARE = {
    "halt.bin": firmware(
        """
        fa          ;       cli
        f4          ; stop: hlt
        eb fd       ;       jmp stop
        """
    ),
    # Goes round the 16 pages from 0x20000 on; fills each with its own segment number (address
    # >> 4, as 16-bit words) and zeroes the page half the window away.
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
}
