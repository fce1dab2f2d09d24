"""Write a packed file: chunks first, tables behind them, the directory at the end."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mappedram.errors import UnsupportedError
from mappedram.format.metadump import MAGIC, VERSION, MetadumpHeader
from mappedram.io import system
from mappedram.io.metadump import CHUNK_SIZE, DIRECTORY_MAX, HEADER_SIZE, NUMBERS_MAX
from mappedram.json_types import Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TABLE_LEVEL = 6
#: Compression level of each kind of bytes; digests cannot be compressed.
LEVELS = {"contents": 6, "digests": 1}


@dataclass
class Packer:
    """Writer of the packed file."""

    fd: int
    position: int = HEADER_SIZE
    numbers: int = 0
    tables: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    chunks: dict[str, list[tuple[int, int]]] = field(
        default_factory=lambda: {name: [] for name in LEVELS}
    )
    _pending: dict[str, bytearray] = field(
        default_factory=lambda: {name: bytearray() for name in LEVELS}
    )

    def append(self, data: bytes) -> tuple[int, int]:
        """Append bytes; return their offset."""
        system.write(self.fd, data, self.position)
        start, self.position = self.position, self.position + len(data)
        return start, self.position

    def add(self, name: str, data: bytes) -> None:
        """Add to the contents, or to the digests."""
        pending = self._pending[name]
        pending += data
        while len(pending) >= CHUNK_SIZE:
            self._chunk(name, bytes(pending[:CHUNK_SIZE]))
            del pending[:CHUNK_SIZE]

    def finish(self, name: str) -> None:
        """Write the rest of them."""
        if self._pending[name]:
            self._chunk(name, bytes(self._pending[name]))
            self._pending[name].clear()

    def _chunk(self, name: str, data: bytes) -> None:
        self.chunks[name].append(self.append(zlib.compress(data, LEVELS[name])))

    def table(self, name: str, *columns: "NDArray[np.int64]") -> None:
        """Write a table, and note its offset, length and number of rows."""
        import numpy as np

        rows = len(columns[0])
        self.numbers += rows * len(columns)
        if self.numbers > NUMBERS_MAX:
            raise UnsupportedError(
                f"{rows} {name}, with which there are more than the {NUMBERS_MAX} numbers that a"
                " metadump holds: the file is too fragmented"
            )
        steps = np.diff(np.stack(columns), axis=1, prepend=0).astype("<i8")
        start, end = self.append(zlib.compress(steps.tobytes(), _TABLE_LEVEL))
        self.tables[name] = (start, end - start, rows)

    def end(
        self,
        directory: Mapping[str, Json],
        summary: Mapping[str, Json],
        details: Mapping[str, Json],
    ) -> None:
        """Write the directory, and the header that points to it.

        Args:
            directory: its members besides the tables and the summary.
            summary: what was done, in short.
            details: members of the summary that are dropped if it is too long.
        """
        text = b""
        for said in ({**summary, **details}, summary):
            text = json.dumps({**directory, "summary": said, "tables": self.tables}).encode()
            if len(text) <= DIRECTORY_MAX:
                break
        start, end = self.append(zlib.compress(text, _TABLE_LEVEL))
        header = {
            "magic": MAGIC,
            "version": VERSION,
            "directory_offset": start,
            "directory_length": end - start,
        }
        system.write(self.fd, MetadumpHeader.build(header), 0)
