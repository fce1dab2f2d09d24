"""`fleet info`: describe each file, as `info` does."""

from collections.abc import Iterator
from dataclasses import dataclass

from mappedram.errors import FormatError
from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.work import UNFINISHED, Cell, Entry
from mappedram.stream.libvirt import open_any
from mappedram.view.info import info_as_dict

#: Words for the member `complete` of the document.
_COMPLETE = {True: "complete", False: "incomplete", None: "unknown"}


@dataclass(frozen=True)
class InfoJob:
    """Describe files.

    Attributes:
        label: the options that the results depend on.
        offset: offset of the stream in each file.
    """

    label: str
    offset: int = 0

    def __call__(self, file: FleetFile) -> Entry:
        """The description of a file, as far as it can be parsed.

        Raises:
            OSError: it cannot be opened or read.
            FormatError: there is nothing to parse.
        """
        damage: list[FormatError] = []
        with open_any(file.place, self.offset, partial=True, on_damage=damage.append) as opened:
            snapshot, image = opened
            document = info_as_dict(file.name, snapshot, image)
            entry = {
                name: list(value) if isinstance(value, Iterator) else value
                for name, value in document.items()
            }
            stopped = [*damage, *filter(None, [snapshot.stream.stopped])]
        told = {"error": str(stopped[0])} if stopped else {}
        return {**entry, **told, "status": UNFINISHED if stopped else 0}

    def without_result(self, file: FleetFile, message: str) -> Entry:
        """The result for a file that could not be opened."""
        return {"file": file.name, "error": message, "machine": None}

    def counts(self, entry: Entry) -> tuple[Cell, ...]:
        """State of the save, and machine type."""
        state = _COMPLETE[entry["complete"]] if "complete" in entry else "error"
        return ("save", state, "files"), ("machine", entry["machine"] or "unknown", state)
