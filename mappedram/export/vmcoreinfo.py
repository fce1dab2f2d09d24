"""The VMCOREINFO note, with which a Linux kernel describes itself to debuggers.

The guest's kernel keeps it at the beginning of a page, and reports its address to QEMU if there is
a device `vmcoreinfo`. Source: Linux kernel/vmcore_info.c, crash_save_vmcoreinfo_init().
"""

import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, local
from typing import TYPE_CHECKING, Self

from mappedram.errors import UnknownPagesError
from mappedram.export.ranges import ExportedPiece
from mappedram.format.arithmetic import round_up
from mappedram.format.foreign.elf import NOTE_HEADER_SIZE, Encoding, note_header
from mappedram.guest.physical import PhysicalMemory
from mappedram.io.copying import batches, grouped, read_fully
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.vmstate.values import Value

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

_DEVICE = "vmcoreinfo"
#: Source: QEMU dump/dump.c, MAX_GUEST_NOTE_SIZE; hw/misc/vmcoreinfo.c.
_ANNOUNCED_MAX = 1 << 20
_FORMAT_ELF = 1

#: Name of the note, with its NUL.
_NAME = b"VMCOREINFO\0"
_TEXT_OFFSET = NOTE_HEADER_SIZE + round_up(len(_NAME), 4)
#: Linux gives the text one page, and pages have up to 64 KiB.
FOUND_MAX = _TEXT_OFFSET + (64 << 10)
#: The text: lines of `key=value`; the first one names the release.
_TEXT = re.compile(rb"OSRELEASE=[ -~]+\n(?:[ -~]+=[ -~]*\n)*\0*")
#: Bytes of a page to compare first.
_NAME_OFFSET, _NAME_WORD = NOTE_HEADER_SIZE, int.from_bytes(_NAME[:4], "little")
_LITTLE_ENDIAN = Encoding()
#: Most pages taken for the note, and most of them reported.
_PLACES_MAX, _TOLD_MAX = 1000, 8
_PAGE = 4096
#: Bytes read at once; with less, the search takes longer than reading.
_WINDOW = 1 << 21


@dataclass(frozen=True, slots=True)
class GuestNote:
    """The note in guest memory.

    Attributes:
        data: header, name and content.
        gpa: its guest-physical address.
    """

    data: bytes
    gpa: int


def announced(
    snapshot: OpenSnapshot, memory: PhysicalMemory, encoding: Encoding = _LITTLE_ENDIAN
) -> GuestNote | None:
    """The note that the guest reported to QEMU; None if it did not, or if the note is damaged.

    QEMU's `dump-guest-memory` adds the same note, unless it has no name: of zeros, QEMU makes a
    note. Source: QEMU dump/dump.c, dump_init().
    """
    if _DEVICE not in snapshot.state:
        return None
    fields = snapshot.state[_DEVICE].fields
    names = ("has_vmcoreinfo", "vmcoreinfo.guest_format", "vmcoreinfo.size", "vmcoreinfo.paddr")
    present, form, size, gpa = (_number(fields.get(name)) for name in names)
    if not present or form != _FORMAT_ELF or not NOTE_HEADER_SIZE <= size <= _ANNOUNCED_MAX:
        return None
    try:
        data = memory.read(gpa, size)
    except (ValueError, UnknownPagesError):
        return None  # there is no memory, or its contents are unknown
    header = note_header(encoding).parse(data)
    length = NOTE_HEADER_SIZE + round_up(header.n_namesz, 4) + round_up(header.n_descsz, 4)
    is_named = data[NOTE_HEADER_SIZE : NOTE_HEADER_SIZE + header.n_namesz].endswith(b"\0")
    return GuestNote(data[:length], gpa) if is_named and length <= size else None


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0


class VmcoreinfoFinder:
    """Searches for an unreported note of a kernel at the beginning of all pages.

    It observes writes (`mappedram.export.page_copy`); threads of its own read the other pages. A
    context manager; at its end nothing is read any more.

    Args:
        memory: where the memory lies.
        channels: number of threads.
        encoding: byte order of the guest.

    Attributes:
        doubts: why the result may be wrong, in words.
    """

    def __init__(
        self,
        memory: PhysicalMemory,
        channels: int = 1,
        encoding: Encoding = _LITTLE_ENDIAN,
    ) -> None:
        self._encoding = encoding
        self.doubts: tuple[str, ...] = ()
        self._memory = memory
        self._places: set[int] = set()
        self._stop = Event()
        self._readers = ThreadPoolExecutor(channels, "vmcoreinfo")
        self._reading: list[Future[None]] = []
        self._buffers = local()

    def passing(self, piece: ExportedPiece, start: int, data: "memoryview | bytes") -> None:
        """Note the addresses of pages that begin like the note."""
        import numpy as np

        gpa = piece.gpa + start - piece.start
        first = -gpa % _PAGE
        if gpa % 4 or len(data) < first + _PAGE:
            return  # no page of Linux begins here
        words = np.frombuffer(data, "<u4", len(data) // 4)
        found = words[(first + _NAME_OFFSET) // 4 :: _PAGE // 4] == _NAME_WORD
        if found.any():
            places = gpa + first + np.flatnonzero(found) * _PAGE
            room = max(0, _PLACES_MAX - len(self._places))
            self._places.update(places[:room].tolist())

    def unseen(self, piece: ExportedPiece, runs: "Runs") -> None:
        """Read the pages that nothing else reads."""
        submit = self._readers.submit
        self._reading += [submit(self._read, piece, batch) for batch in batches(runs)]

    def _read(self, piece: ExportedPiece, runs: "Runs") -> None:
        offset = piece.block.model.pages_offset
        assert offset is not None
        if not hasattr(self._buffers, "buffer"):
            self._buffers.buffer = bytearray(_WINDOW)
        for base, part in grouped(runs, _WINDOW):
            if self._stop.is_set():
                return
            size = int(part[-1, 1]) - base
            with memoryview(self._buffers.buffer) as view, view[:size] as target:
                read_fully(piece.block.source, target, offset + base)
                self.passing(piece, base, target)

    def result(self) -> GuestNote | None:
        """The note, after all memory was written.

        Raises:
            TruncatedError: the file ends before a page that its bitmap has.
            OSError: reading failed.
        """
        for reading in self._reading:
            reading.result()
        notes = ((gpa, self._note_at(gpa)) for gpa in sorted(self._places))
        found = [GuestNote(data, gpa) for gpa, data in notes if data is not None]
        if len({note.data for note in found}) > 1:
            places = ", ".join(f"{note.gpa:#x}" for note in found[:_TOLD_MAX])
            self.doubts += (
                f"different VMCOREINFO notes at {places}, probably of several kernels: the first"
                " is used",
            )
        if len(self._places) >= _PLACES_MAX:
            self.doubts += (
                f"more than {_PLACES_MAX} pages begin like a VMCOREINFO note: not all were read",
            )
        return found[0] if found else None

    def _note_at(self, gpa: int) -> bytes | None:
        """The note at an address, read from the stored pages."""
        try:
            layout = note_header(self._encoding)
            size = _TEXT_OFFSET + layout.parse(self._memory.read(gpa, NOTE_HEADER_SIZE)).n_descsz
            if size > FOUND_MAX:
                return None
            return valid(self._memory.read(gpa, size), self._encoding)
        except (ValueError, UnknownPagesError):
            return None  # the memory ends within the note, or its known part does

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._readers.shutdown(cancel_futures=True)


def valid(data: bytes, encoding: Encoding = _LITTLE_ENDIAN) -> bytes | None:
    """The note at the beginning of `data` if it is one of Linux; None otherwise."""
    if len(data) < _TEXT_OFFSET:
        return None
    header = note_header(encoding).parse(data)
    name = data[NOTE_HEADER_SIZE:_TEXT_OFFSET]
    if (header.n_namesz, header.n_type, name) != (len(_NAME), 0, _NAME + b"\0"):
        return None
    text = data[_TEXT_OFFSET : _TEXT_OFFSET + header.n_descsz]
    if len(text) != header.n_descsz or not _TEXT.fullmatch(text):
        return None
    return data[:_TEXT_OFFSET] + text.ljust(round_up(len(text), 4), b"\0")
