"""The stream as QEMU's loader sees it: reading past the end gives zeros and leaves a mark.

Source: QEMU migration/qemu-file.c.
"""

from mappedram.io.source import Source


class QemuFile:
    """A stream position, and whether an error has been met (QEMU: `last_error`).

    Attributes:
        source: the file.
        position: the byte that is read next.
        failed: whether an error has been met.
        field: where what was looked at last begins, in the stream or elsewhere: the field that is
            to blame if the load ends there.
    """

    def __init__(self, source: Source, position: int) -> None:
        self.source = source
        self.position = position
        self.failed = False
        self.field = position

    def get(self, length: int) -> bytes:
        """The next bytes, as many as there are. Source: qemu_get_buffer()."""
        if self.failed or not length:
            return b""
        self.field = self.position
        data = self.source.peek(self.position, length)
        self.position += len(data)
        self.failed = len(data) < length
        return data

    def number(self, size: int) -> int:
        """The next number; bytes that are missing count as 0. Source: qemu_get_be64()."""
        return int.from_bytes(self.get(size).ljust(size, b"\0"), "big")

    def peek(self, offset: int, length: int) -> bytes:
        """Bytes behind the position, which stays. Source: qemu_peek_buffer()."""
        if self.failed:
            return b""
        self.field = self.position + offset
        data = self.source.peek(self.field, length)
        # What is left can still be read, but the mark stays.
        self.failed = len(data) < length
        return data

    def skip(self, length: int) -> None:
        """Pass bytes without a look at them."""
        if not self.failed and length:
            self.field = self.position
        left = max(0, self.source.size - self.position)
        self.failed = self.failed or left < length
        self.position += min(left, length)

    def seek(self, offset: int) -> None:
        """Go somewhere, be it past the end. Source: qemu_set_offset()."""
        place = as_off_t(offset % (1 << 64))
        if place < 0:
            self.failed = True
        else:
            self.position = place

    def string(self) -> str | None:
        """Text behind its length; None if it is empty or cut. Source: qemu_get_counted_string()."""
        length = self.number(1)
        data = self.get(length)
        return c_string(data) if data and len(data) == length else None


def c_string(data: bytes) -> str:
    """The bytes up to the first NUL, as C compares them."""
    return data.partition(b"\0")[0].decode("latin-1")


def as_int(value: int) -> int:
    """32 bits as C prints them with %d."""
    return value - (1 << 32) if value >> 31 else value


def as_off_t(value: int) -> int:
    """64 bits as a file offset of C, which is signed."""
    return value - (1 << 64) if value >> 63 else value
