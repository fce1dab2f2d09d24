"""Layers of Volatility: one for memory, and one in place of an unreadable file."""

import logging
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from volatility3.framework import exceptions, interfaces
from volatility3.framework.configuration import requirements

from mappedram.errors import MappedRamError
from mappedram.export.volatility.memory import GuestMemory

#: Environment variable that, set to anything, allows files that do not know all of memory.
#: Volatility passes settings of a layer only to layers that the user names.
PARTIAL = "MAPPEDRAM_PARTIAL"

vollog = logging.getLogger(__name__)


def path_of(location: str) -> str | None:
    """Path of a location of Volatility; None if it is not a local file."""
    parts = urlsplit(location)
    return url2pathname(parts.path) if parts.scheme == "file" and not parts.netloc else None


class MappedRamLayer(interfaces.layers.DataLayerInterface):
    """Guest-physical memory of a snapshot, a stream or a save image of libvirt.

    It does not translate to the layer of the file: pages that are not stored have no place there.
    """

    def __init__(
        self,
        context: interfaces.context.ContextInterface,
        config_path: str,
        name: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(context, config_path, name, metadata)
        self._opened: GuestMemory | None = None
        self._told = False
        # Read them now, so that errors appear here.
        self._spans = self.memory.spans

    @classmethod
    def get_requirements(cls) -> list[interfaces.configuration.RequirementInterface]:
        """The location of the file, which is all that the layer needs."""
        return [requirements.StringRequirement(name="location", optional=False)]

    @property
    def memory(self) -> GuestMemory:
        """The open file; reopened in each process that gets a copy of the layer."""
        if self._opened is None:
            path = path_of(self.config["location"])
            assert path is not None
            self._opened = GuestMemory(path, partial=bool(os.environ.get(PARTIAL)))
        return self._opened

    @property
    def minimum_address(self) -> int:
        """First address of memory."""
        return self._spans[0][0]

    @property
    def maximum_address(self) -> int:
        """Last address of memory."""
        return self._spans[-1][1] - 1

    def is_valid(self, offset: int, length: int = 1) -> bool:
        """Whether the whole range is memory, including zero pages."""
        span = self.memory.span(offset)
        return span is not None and offset + length <= span[1]

    def read(self, offset: int, length: int, pad: bool = False) -> bytes:
        """Read memory; with `pad`, zeros where there is none.

        Raises:
            InvalidAddressException: some of it is not memory, or is not in the file.
        """
        if length <= 0:
            return b""
        if not pad:
            if not self.is_valid(offset, length):
                span = self.memory.span(offset)
                self._refuse(offset if span is None else span[1], "no memory there")
            return self._read(offset, length, pad=False)
        data = bytearray(length)
        for start, stop in self.memory.overlapping(offset, offset + length):
            data[start - offset : stop - offset] = self._read(start, stop - start, pad=True)
        return bytes(data)

    def _read(self, offset: int, length: int, *, pad: bool) -> bytes:
        try:
            return self.memory.read(offset, length)
        except MappedRamError as error:
            # Volatility does not report what a scan cannot read.
            if not self._told:
                self._told = True
                vollog.error(f"Guest memory at {offset:#x}: {error}")
            if not pad:
                self._refuse(offset, str(error))
            return bytes(length)

    def _refuse(self, offset: int, why: str) -> None:
        raise exceptions.InvalidAddressException(self.name, offset, why)

    def write(self, offset: int, data: bytes) -> None:
        """Refuse to change a snapshot.

        Raises:
            LayerException: always.
        """
        del offset, data
        raise exceptions.LayerException(self.name, "a snapshot is not written to")

    def _scan_iterator(
        self,
        scanner: interfaces.layers.ScannerInterface,
        sections: Iterable[tuple[int, int]],
    ) -> Iterable[interfaces.layers.IteratorValue]:
        """Skip zero memory, however much of it there is.

        Scanners report matches that begin within a chunk and end within its overlap. So they need
        only this many zeros around stored pages, except for patterns of zeros alone.
        """
        stored = (
            (first, last - first)
            for start, length in sections
            for first, last in self.memory.stored(start, start + length, scanner.overlap)
        )
        chunks: Iterable[interfaces.layers.IteratorValue] = super()._scan_iterator(scanner, stored)
        return chunks

    def destroy(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def __getstate__(self) -> dict[str, Any]:
        """Drop the open file: contexts are copied, also to other processes, and reopen it there."""
        return self.__dict__ | {"_opened": None}


class RefusedLayer(interfaces.layers.DataLayerInterface):
    """An empty layer in place of a snapshot that cannot be read.

    Without it, Volatility would take the file for flat memory, and every address would be wrong.
    """

    @property
    def minimum_address(self) -> int:
        """Required, but no address is valid."""
        return 0

    @property
    def maximum_address(self) -> int:
        """Required, but no address is valid; not 0, because Volatility takes its logarithm."""
        return 1

    def is_valid(self, offset: int, length: int = 1) -> bool:
        """Always false."""
        del offset, length
        return False

    def read(self, offset: int, length: int, pad: bool = False) -> bytes:
        """Zeros with `pad`.

        Raises:
            InvalidAddressException: without `pad`, always.
        """
        if pad:
            return bytes(length)
        raise exceptions.InvalidAddressException(self.name, offset, "the file could not be read")

    def write(self, offset: int, data: bytes) -> None:
        """Refuse to write.

        Raises:
            LayerException: always.
        """
        del offset, data
        raise exceptions.LayerException(self.name, "the file could not be read")
