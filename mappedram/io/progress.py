"""How long work says how far it is: bytes that were moved, of a total that is known beforehand."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from mappedram.io.copying import Progress

#: Called with a word for the work and its bytes; while that is open, the callback that it gives, if
#: any, is called with the number of bytes moved since the last call, from any thread.
Progressing = Callable[[str, int], AbstractContextManager[Progress | None]]


@contextmanager
def silent(_what: str, _total: int) -> Iterator[Progress | None]:
    """Tell nobody."""
    yield None
