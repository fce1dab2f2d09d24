"""Progress of long operations: bytes moved, of a total that is known in advance."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from mappedram.io.copying import Progress

#: Called with a word for the operation and its total in bytes. The context that it returns gives a
#: callback, or None; the callback receives the bytes moved since the last call, from any thread.
Progressing = Callable[[str, int], AbstractContextManager[Progress | None]]


@contextmanager
def silent(_what: str, _total: int) -> Iterator[Progress | None]:
    """Report no progress."""
    yield None
