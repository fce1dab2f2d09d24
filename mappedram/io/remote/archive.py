"""Members of ZIP archives that are stored without compression, which are read in ranges."""

import errno
import io
import zipfile
from collections.abc import Callable
from concurrent.futures import Future

from mappedram.errors import FormatError, UnsupportedError
from mappedram.io.remote.pieces import Data
from mappedram.io.remote.ranges import Ranges
from mappedram.io.source import Source

#: Length of a local header without its two names, their lengths, and its signature.
#: Source: APPNOTE.TXT of PKWARE, 4.3.7.
_LOCAL_HEADER, _LENGTHS, _SIGNATURE = 30, slice(26, 30), b"PK\3\4"
_ENCRYPTED = 1


class MemberRanges(Ranges):
    """A member of an archive.

    Args:
        archive: the archive.
        member: name of the member.
        opened: makes a source of the archive, for its directory.
    """

    def __init__(self, archive: Ranges, member: str, opened: Callable[[Ranges], Source]) -> None:
        self._archive = archive
        self._member = member
        self._opened = opened
        self._source: Source | None = None
        self._start = 0

    def begin(self, length: int) -> Data:
        """As for `Ranges`; finds the member in the directory of the archive."""
        source = self._source = self._opened(self._archive)
        try:
            with zipfile.ZipFile(_SeekableSource(source)) as archive:
                member = archive.getinfo(self._member)
        except KeyError as error:
            raise FileNotFoundError(
                errno.ENOENT, f"the archive has no member {self._member!r}"
            ) from error
        except zipfile.BadZipFile as error:
            raise UnsupportedError(f"not a ZIP archive: {error}") from error
        if member.flag_bits & _ENCRYPTED or member.compress_type != zipfile.ZIP_STORED:
            how = "encrypted" if member.flag_bits & _ENCRYPTED else "compressed"
            raise UnsupportedError(
                f"member {self._member!r} of the archive is {how}, so that it cannot be read in"
                " ranges; unpack it first, or store it without compression (zip -0)"
            )
        self.size, self.latency = member.file_size, self._archive.latency
        self._start = self._data_offset(source, member)
        return [source.read(self._start, min(length, self.size))]

    def _data_offset(self, source: Source, member: zipfile.ZipInfo) -> int:
        header = source.read(member.header_offset, _LOCAL_HEADER)
        names = header[_LENGTHS]
        length = int.from_bytes(names[:2], "little") + int.from_bytes(names[2:], "little")
        start = member.header_offset + _LOCAL_HEADER + length
        if not header.startswith(_SIGNATURE) or start + self.size > source.size:
            raise FormatError(
                f"the archive is damaged: member {self._member!r} is not where its directory says",
                offset=member.header_offset,
            )
        return start

    def start(self, start: int, end: int) -> Future[Data]:
        """As for `Ranges`."""
        return self._archive.start(self._start + start, self._start + end)

    def verify(self) -> None:
        """As for `Ranges`."""
        self._archive.verify()

    def close(self) -> None:
        """As for `Ranges`."""
        (self._source or self._archive).close()


class _SeekableSource(io.RawIOBase):
    """A source as a file object."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._source.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
