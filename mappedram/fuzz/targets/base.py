"""The interface of a target, and the results of trying a file."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from mappedram.fuzz.cases import Case, Cases

Kind = Literal[
    "accepts", "refuses", "crashes", "hangs", "reports", "raises", "disagrees", "wrong-memory"
]

#: Kinds that get a reproducer, with their meaning.
FAILURES: dict[Kind, str] = {
    "crashes": "a signal ended it",
    "hangs": "it did not come to an end in time",
    "reports": "a sanitizer, or a runtime that watches the program, reported a bug",
    "raises": "it raised something that no caller expects",
    "disagrees": "two readers of the same file make different things of it",
    "wrong-memory": "it loads, but the memory is not what was saved",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """Limits of one try: seconds, and bytes of address space (None for any)."""

    seconds: float = 10.0
    memory: int | None = 4 << 30


@dataclass(frozen=True, slots=True)
class Observation:
    """Result of one file.

    Attributes:
        kind: what happened.
        sign: which signal, sanitizer or exception, to distinguish failures.
        message: the target's message, shortened.
        seconds: how long it took.
    """

    kind: Kind
    sign: str = ""
    message: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether this is a failure of the target."""
        return self.kind in FAILURES


class Worker(Protocol):
    """Tries one file after the other; belongs to one thread."""

    def observe(self, case: Case) -> Observation:
        """Try a file.

        Raises:
            OSError: it cannot be tried.
        """


class FuzzTarget(Protocol):
    """A parser under test."""

    @property
    def name(self) -> str:
        """Name in reports."""

    def command(self, name: str, offset: int) -> str:
        """The command to try a file by hand, by its name and the `offset` of the stream."""

    def cases(self, seed: int) -> Cases:
        """Files to try.

        Raises:
            MappedRamError: there are no files to begin with.
        """

    def worker(self, folder: Path) -> AbstractContextManager[Worker]:
        """A worker that keeps its files in `folder`, which no other uses."""
