"""How the memory of a guest is written, whatever the form."""

from dataclasses import dataclass

from mappedram.io.copying import Progress


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How memory is written.

    Attributes:
        channels: number of threads.
        direct_io: bypass the page cache if the file system can, and if places in the file are
            aligned enough; most ranges of LiME are not.
        partial: write zeros for memory that the snapshot does not know.
        progress: called with the number of bytes moved.
    """

    channels: int = 1
    direct_io: bool = False
    partial: bool = False
    progress: Progress | None = None


#: As it is done where nobody asks for more.
DEFAULTS = ExportOptions()
