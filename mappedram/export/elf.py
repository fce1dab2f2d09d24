"""Write guest memory and registers as an ELF core like that of QEMU's `dump-guest-memory`."""

from dataclasses import dataclass

from mappedram.errors import BuildError
from mappedram.export import vmcoreinfo
from mappedram.export.options import DEFAULTS, ExportOptions
from mappedram.export.page_copy import begin, write_pieces
from mappedram.export.ranges import ExportedMemory, WrittenMemory, memory_of
from mappedram.format.arithmetic import round_up
from mappedram.format.foreign.elf import (
    PN_XNUM,
    Encoding,
    Machine,
    SegmentFlags,
    SegmentType,
    file_header,
    header_size,
    program_header,
    segment_size,
)
from mappedram.guest.cpu import cpu_notes
from mappedram.guest.physical import PhysicalMap, PhysicalMemory, Range
from mappedram.io.copying import WriteTarget
from mappedram.stream.snapshot import OpenSnapshot

#: Alignment of each range in the file, like that of pages in a snapshot: file systems that share
#: blocks can then share these.
_ALIGNMENT = 1 << 20


def to_elf(
    snapshot: OpenSnapshot,
    physical: PhysicalMap,
    fd: int,
    options: ExportOptions = DEFAULTS,
    *,
    machine: Machine = Machine.NONE,
    vector_lengths: tuple[int, ...] | None = None,
) -> WrittenMemory:
    """Write an ELF core into the empty file open as `fd`: one segment for each range of memory.

    Pages that are not stored are holes that count as part of the file, because some programs take
    memory outside it for missing. The notes are those of QEMU; VMCOREINFO is written even if the
    guest did not report it to QEMU.

    Args:
        snapshot: memory and registers.
        physical: where the memory lies.
        fd: descriptor of an empty seekable file, open for writing.
        options: how memory is written.
        machine: ELF machine of the guest, used if the file does not tell it.
        vector_lengths: as for `cpu_notes`.

    Raises:
        BuildError: there are more ranges than a file can have.
        UnknownPagesError: the snapshot does not know all of the memory.
        UnsupportedError: it has none.
        TruncatedError: it has shrunk.
        OSError: reading or writing failed.
    """
    memory = memory_of(snapshot, physical, partial=options.partial)
    if len(memory.pieces) + 1 >= PN_XNUM:
        raise BuildError(
            f"{len(memory.pieces)} ranges of memory: an ELF core has at most {PN_XNUM - 2}"
        )
    cpus = cpu_notes(snapshot.stream, snapshot.state, vector_lengths)
    if cpus.architecture is not None:
        machine = cpus.architecture.machine
    encoding = _encoding(cpus.encoding, memory)
    notes = b"".join(note.built(encoding) for note in cpus.notes)
    addressed = PhysicalMemory(snapshot, physical)
    guest = vmcoreinfo.announced(snapshot, addressed, encoding)
    room = len(guest.data) if guest else vmcoreinfo.FOUND_MAX
    layout = _Layout.of(memory, len(notes) + room, encoding)
    begin(fd, layout.size, snapshot.descriptors)
    with vmcoreinfo.VmcoreinfoFinder(addressed, options.channels, encoding) as finder:
        refused = write_pieces(
            zip((piece for _, piece in memory.pieces), layout.places, strict=True),
            fd,
            options,
            observer=None if guest else finder,
        )
        guest = guest or finder.result()
    notes += guest.data if guest else b""
    WriteTarget(fd).write(layout.headers(machine, memory, len(notes)) + notes, 0)
    return WrittenMemory(refused, (*cpus.problems, *finder.doubts), memory.unknown)


def _encoding(wanted: Encoding, memory: ExportedMemory) -> Encoding:
    """The encoding of QEMU, but with 64 bits if addresses need them, which QEMU would cut off."""
    end = max((extent.end for extent, _ in memory.pieces), default=0)
    size = sum(extent.size + _ALIGNMENT for extent, _ in memory.pieces) + _ALIGNMENT
    fits = end <= wanted.address_end and size < wanted.address_end
    return wanted if fits else Encoding(64, wanted.big)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Offsets of the parts of the file.

    Attributes:
        encoding: of all numbers.
        notes_offset: where the notes begin.
        places: where each range begins.
        size: of the file.
    """

    encoding: Encoding
    notes_offset: int
    places: tuple[int, ...]
    size: int

    @classmethod
    def of(cls, memory: ExportedMemory, notes_size: int, encoding: Encoding) -> "_Layout":
        segments = segment_size(encoding) * (1 + len(memory.pieces))
        notes_offset = header_size(encoding) + segments
        places, end = [], notes_offset + notes_size
        for extent, _ in memory.pieces:
            places.append(round_up(end, _ALIGNMENT))
            end = places[-1] + extent.size
        return cls(encoding, notes_offset, tuple(places), end)

    def headers(self, machine: Machine, memory: ExportedMemory, notes_size: int) -> bytes:
        """The headers of the file and of the segments; the notes come first."""
        loads = [
            self._load(extent, place)
            for (extent, _), place in zip(memory.pieces, self.places, strict=True)
        ]
        note = self._segment(SegmentType.NOTE, SegmentFlags(0), self.notes_offset, 0, notes_size)
        values = {"e_machine": machine, "e_phnum": 1 + len(loads)}
        head: bytes = file_header(self.encoding).build(values)
        return b"".join((head, note, *loads))

    def _load(self, extent: Range, place: int) -> bytes:
        flags = SegmentFlags.R | SegmentFlags.X | (SegmentFlags.W if extent.is_ram else 0)
        return self._segment(SegmentType.LOAD, flags, place, extent.gpa, extent.size)

    def _segment(
        self, kind: SegmentType, flags: SegmentFlags, offset: int, gpa: int, size: int
    ) -> bytes:
        values = {
            "p_type": kind,
            "p_flags": flags,
            "p_offset": offset,
            "p_vaddr": gpa,
            "p_paddr": gpa,
            "p_filesz": size,
            "p_memsz": size,
        }
        built: bytes = program_header(self.encoding).build(values)
        return built
