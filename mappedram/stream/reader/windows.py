"""Sliding windows of a file, for long rows of records."""

from collections import deque
from queue import SimpleQueue
from threading import Thread

from mappedram.io.source import Source

#: Bytes that are read at once, at first and at most. A row may be short, and there may be
#: thousands.
_FIRST, LARGEST = 1 << 17, 1 << 21


class Windows:
    """Windows of a file; each begins where its user stopped in the previous one.

    Another thread reads ahead while a window is in use.

    Args:
        source: the file.
        rest_max: maximum number of unused bytes at the end of a window.
    """

    def __init__(self, source: Source, rest_max: int) -> None:
        self._source = source
        self._rest_max = rest_max
        self._data = self._first = memoryview(bytearray(_FIRST))
        #: Memory of the other windows, used in turn: the rest of the previous window, then new
        #: bytes.
        self._rooms: deque[memoryview] = deque()
        self._reading: deque[tuple[memoryview, int]] = deque()
        self._reader: _Reader | None = None
        #: End of the bytes that are read or requested; number of bytes to read next.
        self._end = self._size = 0

    def begin(self, position: int) -> memoryview:
        """The first window, from `position` on; short only at the end of the file.

        Raises:
            TruncatedError: the file has shrunk.
        """
        self._data = self._first[: max(0, self._source.size - position)]
        self._end = position + len(self._data)
        self._source.fill([self._data], position)
        return self._data

    def advance(self, used: int) -> memoryview:
        """The next window, which begins `used` bytes after the start of the previous one.

        The previous window must not be used any more.

        Raises:
            TruncatedError: the file has shrunk.
        """
        if self._reader is None:
            self._reader = self._start()
        rest = self._data[used:]
        start = self._rest_max - len(rest)
        room, length = self._reading.popleft()
        room[start : self._rest_max] = rest
        # Requested before waiting for the other one, so that the thread never idles.
        self._order(self._reader)
        self._reader.wait()
        self._data = room[start : self._rest_max + length]
        return self._data

    def end(self) -> None:
        """Stop; reading ahead is cancelled."""
        if self._reader is not None:
            self._reader.end()
            self._reader = None
            self._reading.clear()

    def _start(self) -> "_Reader":
        """Start a thread that reads ahead."""
        if not self._rooms:
            size = self._rest_max + LARGEST
            self._rooms.extend(memoryview(bytearray(size)) for _ in range(2))
        self._size = _FIRST
        reader = _Reader(self._source)
        self._order(reader)
        return reader

    def _order(self, reader: "_Reader") -> None:
        """Let the thread read the bytes after all previous requests."""
        self._size = min(LARGEST, 2 * self._size)
        length = min(self._size, max(0, self._source.size - self._end))
        room = self._rooms[0]
        self._rooms.rotate()
        reader.read(room[self._rest_max : self._rest_max + length], self._end)
        self._reading.append((room, length))
        self._end += length


class _Reader:
    """A thread that executes read requests in order."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._wanted: SimpleQueue[tuple[memoryview, int] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Exception | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, name="reading")
        self._thread.start()

    def _serve(self) -> None:
        while wanted := self._wanted.get():
            try:
                self._source.fill([wanted[0]], wanted[1])
            except Exception as error:
                self._outcomes.put(error)
            else:
                self._outcomes.put(None)

    def read(self, view: memoryview, offset: int) -> None:
        """Request to fill `view` from `offset` on, after all other requests."""
        self._wanted.put((view, offset))

    def wait(self) -> None:
        """Wait for the oldest request; raise its error."""
        error = self._outcomes.get()
        if error is not None:
            raise error

    def end(self) -> None:
        """Wait until all requests are done."""
        self._wanted.put(None)
        self._thread.join()
