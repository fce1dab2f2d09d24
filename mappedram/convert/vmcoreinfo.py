"""The note in which a Linux kernel says of itself what a debugger has to know.

The guest's kernel keeps it ready at the beginning of a page, and tells QEMU its place if there is
a device `vmcoreinfo`. Source: Linux kernel/vmcore_info.c, crash_save_vmcoreinfo_init().
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event, local
from typing import TYPE_CHECKING

from mappedram.convert.ranges import Memory, Piece
from mappedram.layout.elf import NOTE_HEADER_SIZE, NoteHeader
from mappedram.model import round_up
from mappedram.pageio import grouped, in_parallel, read_fully
from mappedram.physical import PhysicalMemory, Range
from mappedram.snapshot import Snapshot
from mappedram.vmstate.values import Value

if TYPE_CHECKING:
    from mappedram.bitmap import Runs

_DEVICE = "vmcoreinfo"
#: Source: QEMU dump/dump.c, MAX_GUEST_NOTE_SIZE; hw/misc/vmcoreinfo.c.
_ANNOUNCED_MAX = 1 << 20
_FORMAT_ELF = 1

#: Name of the note, as it stands there.
_NAME = b"VMCOREINFO\0"
_TEXT_OFFSET = NOTE_HEADER_SIZE + round_up(len(_NAME), 4)
#: Linux gives the text one page, and pages have up to 64 KiB.
FOUND_MAX = _TEXT_OFFSET + (64 << 10)
#: The text: lines of `key=value`, the first of which names the release.
_TEXT = re.compile(rb"OSRELEASE=[ -~]+\n(?:[ -~]+=[ -~]*\n)*\0*")
#: What the note begins with, where a 0 of the mask leaves open what stands there: its length.
_HEAD = b"\x0b\0\0\0" + bytes(4) + bytes(4) + _NAME + b"\0"
_MASK = b"\xff" * 4 + bytes(4) + b"\xff" * 16
_PAGE = 4096
#: What is read at once; with less, the search takes longer than reading does.
_WINDOW = 1 << 21


@dataclass(frozen=True, slots=True)
class GuestNote:
    """The note as the guest has it.

    Attributes:
        data: header, name and content.
        gpa: where it stands.
        doubt: why it may be the wrong one, empty if nothing speaks against it.
    """

    data: bytes
    gpa: int
    doubt: str = ""


def announced(snapshot: Snapshot, memory: PhysicalMemory) -> GuestNote | None:
    """The note whose place the guest has told QEMU; None where it has not, or where it is damaged.

    It is what QEMU's `dump-guest-memory` adds, unless it has no name: of zeros, QEMU makes a note.
    Source: QEMU dump/dump.c, dump_init().
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
    except ValueError:
        return None  # no memory is there
    header = NoteHeader.parse(data)
    length = NOTE_HEADER_SIZE + round_up(header.n_namesz, 4) + round_up(header.n_descsz, 4)
    is_named = data[NOTE_HEADER_SIZE : NOTE_HEADER_SIZE + header.n_namesz].endswith(b"\0")
    return GuestNote(data[:length], gpa) if is_named and length <= size else None


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0


def search(memory: Memory, channels: int = 1, stop: Event | None = None) -> GuestNote | None:
    """The note of a kernel that told QEMU nothing: looked for at the beginning of all pages.

    Args:
        memory: what is searched.
        channels: number of threads.
        stop: ends the search from another thread; None is returned then.

    Raises:
        TruncatedError: the file ends before a page that its bitmap promises.
        OSError: reading failed.
    """
    found: list[GuestNote] = []
    buffers = local()

    def look(place: "tuple[Range, Piece, int, Runs]") -> None:
        extent, piece, base, runs = place
        if stop is not None and stop.is_set():
            return
        if not hasattr(buffers, "buffer"):
            buffers.buffer = bytearray(_WINDOW)
        shift = extent.gpa - extent.offset
        for start in _candidates(piece, base, runs, shift, buffers.buffer):
            size = min(FOUND_MAX, extent.offset + extent.size - start)
            note = valid(piece.block.read(start, size))
            if note is not None:
                found.append(GuestNote(note, start + shift))

    in_parallel(look, _windows(memory), channels)
    if not found or (stop is not None and stop.is_set()):
        return None
    found.sort(key=lambda note: note.gpa)
    doubt = ""
    if len({note.data for note in found}) > 1:
        places = ", ".join(f"{note.gpa:#x}" for note in found)
        doubt = f"kernels have left different VMCOREINFO notes at {places}: the first is taken"
    return GuestNote(found[0].data, found[0].gpa, doubt)


def valid(data: bytes) -> bytes | None:
    """The note that `data` begins with, if it is one of Linux; None otherwise."""
    if len(data) < _TEXT_OFFSET:
        return None
    header = NoteHeader.parse(data)
    name = data[NOTE_HEADER_SIZE:_TEXT_OFFSET]
    if (header.n_namesz, header.n_type, name) != (len(_NAME), 0, _NAME + b"\0"):
        return None
    text = data[_TEXT_OFFSET : _TEXT_OFFSET + header.n_descsz]
    if len(text) != header.n_descsz or not _TEXT.fullmatch(text):
        return None
    return data[:_TEXT_OFFSET] + text.ljust(round_up(len(text), 4), b"\0")


def _windows(memory: Memory) -> "Iterator[tuple[Range, Piece, int, Runs]]":
    """Stored bytes of RAM: with where they begin, and their runs, as offsets in the block."""
    for extent, piece in memory.pieces:
        if extent.is_ram:
            for part in piece.parts():
                for base, runs in grouped(part.runs(), _WINDOW):
                    yield extent, piece, base, runs


def _candidates(
    piece: Piece, base: int, runs: "Runs", shift: int, buffer: bytearray
) -> Iterator[int]:
    """Where in the block a page begins as the note does; `shift` makes it a guest's address."""
    import numpy as np

    size = int(runs[-1, 1]) - base
    with memoryview(buffer) as view, view[:size] as target:
        _read(piece, base, target)
    data = np.frombuffer(buffer, np.uint8, size)
    first = round_up(base + shift, _PAGE) - shift
    starts = np.arange(first, base + size - len(_HEAD) + 1, _PAGE)
    places = runs[:, 0].searchsorted(starts, side="right") - 1
    starts = starts[starts < runs[places, 1]]
    heads = np.lib.stride_tricks.sliding_window_view(data, len(_HEAD))[starts - base]
    head, mask = np.frombuffer(_HEAD, np.uint8), np.frombuffer(_MASK, np.uint8)
    yield from starts[((heads & mask) == head).all(axis=1)].tolist()


def _read(piece: Piece, base: int, view: memoryview) -> None:
    """Whole pages of a block from byte `base` on; what is not stored can be anything."""
    block = piece.block
    if block.scattered is not None:
        view[:] = bytes(len(view))
        block.read_pages(base // block.page_size, view)
    else:
        read_fully(block.source, view, (block.model.pages_offset or 0) + base)
