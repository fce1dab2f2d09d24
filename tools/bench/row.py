"""One line of the table: our job, its peer, and the permitted ratio."""

from collections.abc import Sequence
from dataclasses import dataclass

Command = Sequence[str]


@dataclass(frozen=True)
class Row:
    """A benchmark.

    Attributes:
        job: our job, in words.
        peer: the peer's job, in words.
        ours: our command.
        theirs: the command of the peer.
        before: a command that runs, unmeasured, before each of both.
        limit: largest permitted ratio of wall times.
        resident_limit: largest permitted resident memory in bytes, if there is a limit.
        bound: the best that the system can do, if that is known to exceed the limit.
        peer_reports: whether the peer prints the seconds that count, of a part of its work.
    """

    job: str
    peer: str
    ours: Command
    theirs: Command
    before: Command | None = None
    limit: float = 1.0
    resident_limit: int | None = None
    bound: str = ""
    peer_reports: bool = False
