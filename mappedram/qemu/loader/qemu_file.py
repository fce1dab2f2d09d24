"""The stream as QEMU's loader reads it: bytes past the end are zero, and set an error flag.

Source: QEMU migration/qemu-file.c.
"""

from mappedram.io.source import Source


class QemuFile:
    """A stream position and an error flag (QEMU: `last_error`).

    Attributes:
        source: the file.
        position: the next byte to read.
        failed: whether an error has occurred.
        field: offset of the field read last, in the stream or elsewhere; it is to blame if the load
            ends there.
    """

    def __init__(self, source: Source, position: int) -> None:
        self.source = source
        self.position = position
        self.failed = False
        self.field = position

    def get(self, length: int) -> bytes:
        """Read the next bytes, as many as there are. Source: qemu_get_buffer()."""
        if self.failed or not length:
            return b""
        self.field = self.position
        data = self.source.peek(self.position, length)
        self.position += len(data)
        self.failed = len(data) < length
        return data

    def number(self, size: int) -> int:
        """Read the next number; missing bytes count as 0. Source: qemu_get_be64()."""
        return int.from_bytes(self.get(size).ljust(size, b"\0"), "big")

    def peek(self, offset: int, length: int) -> bytes:
        """Read bytes without moving the position. Source: qemu_peek_buffer()."""
        if self.failed:
            return b""
        self.field = self.position + offset
        data = self.source.peek(self.field, length)
        # The rest can still be read, but the flag stays.
        self.failed = len(data) < length
        return data

    def skip(self, length: int) -> None:
        """Skip bytes without reading them."""
        if not self.failed and length:
            self.field = self.position
        left = max(0, self.source.size - self.position)
        self.failed = self.failed or left < length
        self.position += min(left, length)

    def seek(self, offset: int) -> None:
        """Move the position, even past the end. Source: qemu_set_offset()."""
        place = as_off_t(offset % (1 << 64))
        if place < 0:
            self.failed = True
        else:
            self.position = place

    def string(self) -> str | None:
        """Text behind its length; None if empty or cut. Source: qemu_get_counted_string()."""
        length = self.number(1)
        data = self.get(length)
        return c_string(data) if data and len(data) == length else None


def c_string(data: bytes) -> str:
    """The bytes up to the first NUL, as C compares them."""
    return data.partition(b"\0")[0].decode("latin-1")


def as_int(value: int) -> int:
    """A 32-bit value as C prints it with %d."""
    return value - (1 << 32) if value >> 31 else value


def as_off_t(value: int) -> int:
    """A 64-bit value as C's `off_t`, which is signed."""
    return value - (1 << 64) if value >> 63 else value
