"""A command that reads a file named on its command line."""

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mappedram.fuzz.cases import Case, Cases, Generated
from mappedram.fuzz.targets.base import Limit, Observation, Worker
from mappedram.fuzz.targets.signs import sign_of, signal_of

#: Placeholder for the name of the file in a command.
PLACEHOLDER = "{}"
#: Bytes kept of the beginning and of the end of standard error.
_KEPT = 1 << 13
#: Sets the limits in the shell before it executes the program, so they always apply.
_LIMITED = 'ulimit -c 0; [ "$1" = none ] || ulimit -v "$1"; shift; exec "$@"'


class CommandTarget:
    """Any command.

    Args:
        argv: the command; `{}` in it stands for the name of the file.
        limit: limits of one run.
    """

    def __init__(self, argv: Sequence[str], limit: Limit) -> None:
        self.argv = tuple(argv)
        self.limit = limit

    @property
    def name(self) -> str:
        """The program."""
        return Path(self.argv[0]).name

    def command(self, name: str, offset: int) -> str:  # noqa: ARG002
        """The command to try a file by hand."""
        return shlex.join(_filled(self.argv, name))

    def cases(self, seed: int) -> Cases:
        """Sound, broken and wild files in turn; streams begin at byte 0, unless in an image."""
        return _AtTheBeginning(seed)

    @contextmanager
    def worker(self, folder: Path) -> Iterator[Worker]:
        """A worker with a file of its own."""
        yield _Runner(self.argv, self.limit, folder / "case.mapped-ram")


class _AtTheBeginning(Generated):
    """Cases without an offset, which a command cannot learn."""

    def wants(self, case: Case) -> bool:
        """See `Cases.wants`."""
        return case.clean.offset == 0


class _Runner:
    def __init__(self, argv: Sequence[str], limit: Limit, path: Path) -> None:
        memory = "none" if limit.memory is None else str(limit.memory >> 10)
        self._argv = ["/bin/sh", "-c", _LIMITED, "sh", memory, *_filled(argv, str(path))]
        self._limit = limit
        self._path = path

    def observe(self, case: Case) -> Observation:
        """Run the command on a file."""
        case.file.store(self._path)
        began = time.monotonic()
        with subprocess.Popen(
            self._argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                said, late = _listen(process, began + self._limit.seconds)
            finally:
                with suppress(ProcessLookupError):  # with all processes that it has started
                    os.killpg(process.pid, signal.SIGKILL)
        return _observation(process.returncode, said, time.monotonic() - began, late=late)


def _filled(argv: Sequence[str], path: str) -> list[str]:
    return [argument.replace(PLACEHOLDER, path) for argument in argv]


def _listen(process: "subprocess.Popen[bytes]", deadline: float) -> tuple[str, bool]:
    """Standard error of the process until it ends, and whether it took too long."""
    assert process.stderr
    head, tail, late = b"", b"", False
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while not late:
            late = not selector.select(max(0.0, deadline - time.monotonic()))
            data = b"" if late else os.read(process.stderr.fileno(), 1 << 16)
            if not data:
                break
            free = _KEPT - len(head)
            head, tail = head + data[:free], (tail + data[free:])[-_KEPT:]
    if not late:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            late = True
    return (head + tail).decode("utf-8", "replace"), late


def _observation(returncode: int, said: str, seconds: float, *, late: bool) -> Observation:
    if late:
        return Observation("hangs", "", said, seconds)
    sign, ended = sign_of(said), signal_of(returncode)
    if sign:
        return Observation("reports", sign, said, seconds)
    if ended:
        return Observation("crashes", ended, said, seconds)
    return Observation("refuses" if returncode else "accepts", "", said, seconds)
