"""One line of the table: a job of ours, its peer, and how much more it may take."""

from collections.abc import Sequence
from dataclasses import dataclass

Command = Sequence[str]


@dataclass(frozen=True)
class Row:
    """A benchmark.

    Attributes:
        job: what we do, in words.
        peer: what it is held against, in words.
        ours: the command of ours.
        theirs: the command of the peer.
        before: a command that runs, unmeasured, before each of both.
        limit: the ratio of wall times that must not be exceeded.
        resident_limit: resident memory in bytes that must not be exceeded, if there is a limit.
        bound: what the system can do at best, where that is known to exceed the limit.
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
