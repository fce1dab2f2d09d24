"""One line of the table: a job of ours, its peer, and how much more it may take."""

from dataclasses import dataclass

from tools.bench.measure import Command


@dataclass(frozen=True)
class Row:
    """A benchmark.

    Attributes:
        job: what we do, in words.
        peer: what it is held against, in words.
        ours: the command of ours.
        theirs: the command of the peer.
        limit: the ratio of wall times that must not be exceeded.
        resident_limit: resident memory in bytes that must not be exceeded, if there is a limit.
        before: a command that runs, unmeasured, before each of both.
    """

    job: str
    peer: str
    ours: Command
    theirs: Command
    limit: float
    resident_limit: int | None = None
    before: Command | None = None
