"""The readers of this package, in a process of their own: both drivers, and `check`."""

import multiprocessing
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from mappedram.check import check
from mappedram.errors import MappedRamError
from mappedram.format.drivers import DRIVERS
from mappedram.fuzz.cases import Case, Cases, Generated
from mappedram.fuzz.targets.base import Limit, Observation, Worker
from mappedram.fuzz.targets.signs import signal_of
from mappedram.stream.libvirt import open_any

#: Bytes read at the beginning and the end of each block.
_READ = 1 << 16
#: Longest start of the process, in seconds.
_START = 60.0


class OwnTarget:
    """Our own readers. For any file, they return a value or raise `MappedRamError`."""

    name = "mappedram"

    def __init__(self, limit: Limit) -> None:
        self.limit = limit

    def command(self, name: str, offset: int) -> str:
        """The command to try a file by hand."""
        return f"mappedram check --offset {offset} {name}"

    def cases(self, seed: int) -> Cases:
        """Sound, broken and wild files in turn."""
        return Generated(seed)

    @contextmanager
    def worker(self, folder: Path) -> Iterator[Worker]:
        """A worker with a process, which is restarted if a file ends it."""
        reader = _Reader(self.limit, folder / "case.mapped-ram")
        try:
            yield reader
        finally:
            reader.stop()


class _Reader:
    def __init__(self, limit: Limit, path: Path) -> None:
        self._limit = limit
        self._path = path
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        self.process = self._context.Process(
            target=serve, args=(theirs, self._limit.memory), daemon=True
        )
        self.process.start()
        theirs.close()
        if not self._pipe.poll(_START) or self._pipe.recv() is not None:
            raise OSError("the process that reads does not start")

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self._pipe.close()

    def observe(self, case: Case) -> Observation:
        """Let the process read a file."""
        case.file.store(self._path)
        began = time.monotonic()
        try:
            self._pipe.send((str(self._path), case.clean.offset))
            answered = self._pipe.poll(self._limit.seconds)
            found = self._pipe.recv() if answered else Observation("hangs")
        except (EOFError, ConnectionError):
            answered = False
            self.process.join()
            found = Observation("crashes", signal_of(self.process.exitcode or 0))
        if not answered:
            self.stop()
            self._start()
        return Observation(found.kind, found.sign, found.message, time.monotonic() - began)


def serve(pipe: Connection, memory: int | None) -> None:
    """Read the files whose names come through the pipe, until it is closed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are for the run, which then ends this process
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    pipe.send(None)
    while True:
        try:
            path, offset = pipe.recv()
        except EOFError:
            return
        pipe.send(judged(partial(read, path, offset)))


def judged(reading: Callable[[], list[str]]) -> Observation:
    """Result of reading: the codes of the file's defects, or an error."""
    try:
        codes = reading()
    except MappedRamError as error:
        return Observation("refuses", message=str(error))
    except Exception as error:
        return Observation("raises", type(error).__name__, traceback.format_exc())
    if "MR005" in codes:
        return Observation("disagrees", "MR005")
    return Observation("accepts", message=", ".join(codes))


def read(path: str, offset: int) -> list[str]:
    """Read everything in a file; return the codes of its defects.

    Raises:
        MappedRamError: it cannot be read; no other error is expected.
    """
    codes = [finding.code for finding in check(path, offset).findings]
    for driver in DRIVERS:
        with open_any(path, offset, driver=driver, partial=True) as (snapshot, _):
            regions = snapshot.regions()
            assert sum(region.length for region in regions) == snapshot.source.size
            for block in snapshot.blocks:
                if block.has_pages:
                    size = min(block.used_length, _READ)
                    block.read(0, size)
                    block.read(block.used_length - size, size)
    return codes
