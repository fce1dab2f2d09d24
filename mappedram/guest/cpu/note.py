"""One note of an ELF file."""

from dataclasses import dataclass

from mappedram.format.foreign.elf import Note as NoteLayout


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

    def __bytes__(self) -> bytes:
        name = self.name.encode("ascii") + b"\0"
        built: bytes = NoteLayout.build({"n_type": self.type, "name": name, "desc": self.desc})
        return built
