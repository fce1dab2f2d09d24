"""A writer of mapped-ram files in plain `struct`, which shares no code with the package.

Tests compare the package with it; the benchmarks make huge sparse files with it.
"""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

MIB = 1 << 20


@dataclass(frozen=True)
class OracleBlock:
    """One RAM block: half-open runs of stored pages; their bytes are `fill`, or a hole."""

    idstr: str
    used_length: int
    runs: Sequence[tuple[int, int]] = ()
    fill: bytes | None = None


@dataclass(frozen=True)
class OracleFile:
    """A whole file: a configuration section, RAM, and optional parts.

    `subsections` precede that of the capabilities. `early` are sections before START of RAM,
    `devices` those behind its END; `tail` replaces EOF and the description at the end of the file.
    """

    blocks: Sequence[OracleBlock]
    machine: str = "none"
    page_size: int = 4096
    align: int = MIB
    parts: int = 1
    offset: int = 0
    footers: bool = True
    vmdescription: bool = True
    capabilities: Sequence[str] = ("mapped-ram",)
    addr: Sequence[int] = field(default_factory=list)
    subsections: bytes = b""
    early: bytes = b""
    devices: bytes = b""
    tail: bytes | None = None

    def write(self, fd: int) -> int:
        """Write the file into the empty file open as `fd`; return its size."""
        position = self._put(fd, self.offset, self.head())
        areas = []
        for index, block in enumerate(self.blocks):
            position, bitmap_offset, pages_offset = self._block(fd, position, index, block)
            areas.append((block, bitmap_offset, pages_offset))
        position = self._put(fd, position, self.end_of_section())
        part = struct.pack(">BI", 2, 1) + self.end_of_section()
        position = self._put(fd, position, part * self.parts)
        for block, bitmap_offset, pages_offset in areas:
            self._pages(fd, block, bitmap_offset, pages_offset)
        return self._put(
            fd,
            position,
            struct.pack(">BI", 3, 1) + self.end_of_section() + self.devices + self._tail(),
        )

    def head(self) -> bytes:
        """All bytes before the list of blocks: headers, configuration, START of RAM, MEM_SIZE."""
        machine = self.machine.encode()
        names = b"".join(bytes([len(name)]) + name.encode() for name in self.capabilities)
        subsection = b"configuration/capabilities"
        total = sum(block.used_length for block in self.blocks)
        return b"".join(
            (
                b"QEVM" + struct.pack(">I", 3),
                struct.pack(">BI", 7, len(machine)) + machine + self.subsections,
                bytes([5, len(subsection)]) + subsection if self.capabilities else b"",
                struct.pack(">II", 1, len(self.capabilities)) + names if self.capabilities else b"",
                self.early,
                struct.pack(">BIB3sII", 1, 1, 3, b"ram", 0, 4),
                struct.pack(">Q", total | 4),
            )
        )

    def _block(
        self, fd: int, position: int, index: int, block: OracleBlock
    ) -> tuple[int, int, int]:
        name = block.idstr.encode("latin-1")
        head = bytes([len(name)]) + name + struct.pack(">Q", block.used_length)
        if "x-ignore-shared" in self.capabilities:
            head += struct.pack(">Q", self.addr[index] if self.addr else 0)
        bitmap_offset = position + len(head) + 28
        bitmap_end = bitmap_offset + self._bitmap_size(block)
        pages_offset = -(-bitmap_end // self.align) * self.align
        head += struct.pack(">IQQQ", 1, self.page_size, bitmap_offset, pages_offset)
        self._put(fd, position, head)
        return pages_offset + block.used_length, bitmap_offset, pages_offset

    def _bitmap_size(self, block: OracleBlock) -> int:
        return -(-(block.used_length // self.page_size) // 64) * 8

    def _pages(self, fd: int, block: OracleBlock, bitmap_offset: int, pages_offset: int) -> None:
        for start, stop in block.runs:
            self._set_bits(fd, bitmap_offset, start, stop)
            if block.fill is not None:
                size = (stop - start) * self.page_size
                page = (block.fill * (size // len(block.fill) + 1))[:size]
                os.pwrite(fd, page, pages_offset + start * self.page_size)

    def _set_bits(self, fd: int, bitmap_offset: int, start: int, stop: int) -> None:
        first, last = start // 8, -(-stop // 8)
        old = int.from_bytes(os.pread(fd, last - first, bitmap_offset + first), "little")
        new = old | ((1 << (stop - start)) - 1) << (start - first * 8)
        os.pwrite(fd, new.to_bytes(last - first, "little"), bitmap_offset + first)

    def end_of_section(self) -> bytes:
        """The record EOS, and the footer of RAM."""
        return struct.pack(">Q", 0x10) + (struct.pack(">BI", 0x7E, 1) if self.footers else b"")

    def _tail(self) -> bytes:
        if self.tail is not None:
            return self.tail
        if not self.vmdescription:
            return b"\0"
        text = b'{"page_size": %d, "devices": []}' % self.page_size
        return b"\0" + struct.pack(">BI", 6, len(text)) + text

    @staticmethod
    def _put(fd: int, position: int, data: bytes) -> int:
        os.pwrite(fd, data, position)
        return position + len(data)
