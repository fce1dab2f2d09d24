"""A file in memory that is edited by the names of its fields."""

from mappedram.fuzz.caching_driver import DRIVER
from mappedram.fuzz.changeable import ChangeableFile
from mappedram.fuzz.sound import SnapshotSpec
from mappedram.fuzz.sparse import SparseFile
from mappedram.io.opening import open_file
from mappedram.stream.model import Stream
from mappedram.stream.reader import read_stream


class Draft(ChangeableFile):
    """A file, its parsed headers, and changes to it.

    Args:
        file: the original file.
    """

    def __init__(self, file: SparseFile) -> None:
        self.file = file

    @classmethod
    def of(cls, spec: SnapshotSpec) -> "Draft":
        """A draft of a sound file."""
        return cls(spec.file())

    @property
    def file(self) -> SparseFile:
        """The file with all changes so far."""
        return self._file

    @file.setter
    def file(self, file: SparseFile) -> None:
        self._file = file
        self._stream: Stream | None = None

    @property
    def stream(self) -> Stream:
        """The parsed headers, as far as they can be followed."""
        if self._stream is None:
            with self._file.opened() as fd:
                self._stream = read_stream(open_file(fd), self._file.offset, DRIVER)
        return self._stream

    @property
    def base(self) -> int:
        """Where the stream begins."""
        return self._file.offset

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._file.size

    def behind_bitmap(self, size: int) -> int:
        """Where to truncate instead of at `size`: within a bitmap, MR402 would also be broken."""
        for block in self.blocks:
            assert block.bitmap_offset is not None
            end = block.bitmap_offset + block.bitmap_size
            if block.header_end <= size < end:
                return end
        return size

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file."""
        return self._file.read(offset, length)

    def write(self, offset: int, data: bytes) -> int:
        """Put bytes in the place of others."""
        self.file = self._file.write(offset, data)
        return offset

    def insert(self, offset: int, data: bytes, until: int | None = None) -> int:
        """Put bytes in between; what follows moves, up to `until`."""
        self.file = self._file.insert(offset, data, until)
        return offset

    def insert_hole(self, offset: int, length: int) -> None:
        """Insert zeros; the bytes behind move."""
        self.file = self._file.insert_hole(offset, length)

    def remove(self, offset: int, length: int) -> int:
        """Take bytes out; what follows moves up."""
        self.file = self._file.remove(offset, length)
        return offset

    def resize(self, size: int) -> None:
        """Truncate the file, or append a hole."""
        self.file = self._file.resize(size)
