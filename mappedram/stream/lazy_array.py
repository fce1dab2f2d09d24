"""Guest memory as a lazy array: what Dask needs of an array whose parts are read on its workers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from mappedram.errors import UnsupportedError

if TYPE_CHECKING:
    import dask.array
    import numpy as np
    from numpy.typing import NDArray

    from mappedram.stream.bitmap import Bitmap


#: Size of a chunk in bytes, the same with a unit, or the sizes of all chunks.
Chunks: TypeAlias = int | str | tuple[tuple[int, ...]]


class ReadableBlock(Protocol):
    """What is asked of a `Block`."""

    @property
    def used_length(self) -> int: ...  # noqa: D102

    @property
    def page_size(self) -> int: ...  # noqa: D102

    @property
    def readable(self) -> bool: ...  # noqa: D102

    @property
    def stored(self) -> "Bitmap": ...  # noqa: D102

    def read(self, offset: int, size: int, *, partial: bool = False) -> bytes: ...  # noqa: D102


class GuestBytes:
    """The bytes of a RAM block, as far as `dask.array.from_array` needs an array.

    In the process that made it, it reads the open block. Another process opens the file again.

    Args:
        block: the block.
        again: opens the block in another process; None if only this one has the file.
        partial: read unknown pages as `Block.read` does.
    """

    def __init__(
        self, block: ReadableBlock, again: Callable[[], ReadableBlock] | None, *, partial: bool
    ) -> None:
        import numpy as np

        self._block: ReadableBlock | None = block
        self._again = again
        self._partial = partial
        self.shape = (block.used_length,)
        self.dtype = np.dtype(np.uint8)
        self.ndim = 1

    def __getstate__(self) -> dict[str, object]:
        if self._again is None:
            raise UnsupportedError(
                "workers in other processes open the file by its name: expected a snapshot that was"
                " opened from a path or a URL, and is not compressed"
            )
        return {**self.__dict__, "_block": None}

    def _opened(self) -> ReadableBlock:
        if self._block is not None:
            return self._block
        assert self._again is not None
        return self._again()

    def __dask_tokenize__(self) -> object:
        return "mappedram", self._again or id(self._block), self._partial

    def __getitem__(self, index: "slice | int | tuple[slice | int]") -> "NDArray[np.uint8]":
        """The bytes of a slice. Where no page is stored, nothing is read and no memory taken."""
        import numpy as np

        (place,) = index if isinstance(index, tuple) else (index,)
        if not isinstance(place, slice):
            return self[place : place + 1].reshape(())
        start, stop, step = place.indices(self.shape[0])
        if step < 0:
            return self[0 : self.shape[0]][place]
        size = max(0, stop - start)
        block = self._opened()
        if size and not self._is_stored(block, start, stop):
            return np.broadcast_to(np.uint8(0), size)[::step]
        return np.frombuffer(block.read(start, size, partial=self._partial), np.uint8)[::step]

    @staticmethod
    def _is_stored(block: ReadableBlock, start: int, stop: int) -> bool:
        """Whether a page in a range is in the file."""
        if not block.readable:
            return False
        page_size = block.page_size
        return bool(len(block.stored.runs(start // page_size, -(-stop // page_size))))


def lazy(memory: GuestBytes, chunks: Chunks) -> "dask.array.Array":
    """The array of Dask; see `Block.dask_array`.

    Raises:
        ImportError: Dask is not installed.
    """
    try:
        import dask.array as da
    except ImportError as error:
        raise ImportError("dask_array requires Dask: pip install 'mappedram[dask]'") from error
    import numpy as np

    # fancy=False: a list of indices would select bytes of `memory` one by one.
    meta = np.empty(0, np.uint8)
    made: da.Array = da.from_array(memory, chunks, asarray=False, fancy=False, meta=meta)
    return made
