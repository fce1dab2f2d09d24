"""How the memory of a guest is written, whatever the form."""

from dataclasses import dataclass

from mappedram.io.copying import Progress


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How memory is written.

    Attributes:
        channels: number of threads.
        direct_io: write past the page cache where the file system can, and where places in the file
            are aligned as it takes: the ranges of LiME mostly are not.
        partial: leave zeros where the snapshot does not tell what memory holds.
        progress: called with the number of bytes moved.
    """

    channels: int = 1
    direct_io: bool = False
    partial: bool = False
    progress: Progress | None = None


#: As it is done where nobody asks for more.
DEFAULTS = ExportOptions()
