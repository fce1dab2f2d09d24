"""One note of an ELF file."""

from dataclasses import dataclass

from mappedram.format.foreign.elf import Encoding
from mappedram.format.foreign.elf import note as note_layout


@dataclass(frozen=True, slots=True)
class NoteContext:
    """What the notes of a CPU depend on, apart from its registers.

    Attributes:
        pid: number of the CPU in the notes.
        encoding: of the core file.
        vector_lengths: lengths in bits that the vector registers of an ARM CPU can have; None if
            unknown.
    """

    pid: int
    encoding: Encoding
    vector_lengths: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A note.

    Attributes:
        name: namespace of `type`, such as `CORE`, without the NUL at its end.
        type: `n_type`.
        desc: the content.
    """

    name: str
    type: int
    desc: bytes

    def built(self, encoding: Encoding) -> bytes:
        """The note in a file of this encoding."""
        name = self.name.encode("ascii") + b"\0"
        values = {"n_type": self.type, "name": name, "desc": self.desc}
        built: bytes = note_layout(encoding).build(values)
        return built
