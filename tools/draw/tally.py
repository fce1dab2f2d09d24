"""Draw many cases on several processors and count them, whatever they raise."""

import multiprocessing
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest

from mappedram.fleet.work import spare_the_collector
from mappedram.fuzz.faults import Drawing, Fault, attempt
from tools.draw.kinds import KINDS

#: Cases drawn of a kind before the next kind has its turn.
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some cases of one kind."""

    kind: str
    seed: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """Result of a chunk: processor time in seconds, and the faults."""

    chunk: Chunk
    seconds: float
    faults: list[Fault]


@dataclass
class Tally:
    """Results of one kind so far."""

    drawn: int = 0
    seconds: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    def add(self, drawn: Drawn) -> None:
        """Count a chunk."""
        self.drawn += drawn.chunk.count
        self.seconds += drawn.seconds
        self.faults += drawn.faults

    def row(self, kind: str) -> str:
        """A line of the table."""
        rate = self.drawn / self.seconds if self.seconds else 0
        return f"{kind:<35} {self.drawn:>9} drawn  {len(self.faults):>5} faults  {rate:>7.0f}/s"


def chunks(wanted: Mapping[str, Iterable[tuple[int, int]]], seed: int) -> Iterator[Chunk]:
    """All chunks to draw, alternating between the kinds.

    Args:
        wanted: half-open ranges of numbers, by kind.
        seed: selects the cases.
    """
    turns = [_pieces(kind, ranges, seed) for kind, ranges in wanted.items()]
    for turn in zip_longest(*turns):
        yield from (chunk for chunk in turn if chunk)


def _pieces(kind: str, ranges: Iterable[tuple[int, int]], seed: int) -> Iterator[Chunk]:
    for first, stop in ranges:
        for start in range(first, stop, CHUNK):
            yield Chunk(kind, seed, start, min(CHUNK, stop - start))


def draw(chunk: Chunk) -> Drawn:
    """Draw a chunk.

    Raises:
        OSError: the machine cannot go on.
    """
    began, faults = time.process_time(), []
    for index in range(chunk.first, chunk.first + chunk.count):
        name = f"{chunk.kind} {index} of seed {chunk.seed}"
        options = f"--kind {chunk.kind} --seed {chunk.seed} --first {index} --count 1"
        drawing = Drawing(name, f"python -m tools.draw {options}", index)
        found = attempt(partial(KINDS[chunk.kind], chunk.seed, index), drawing)
        if isinstance(found, Fault):
            faults.append(found)
    return Drawn(chunk, time.process_time() - began, faults)


def draw_all(wanted: Iterable[Chunk], jobs: int) -> Generator[Drawn, None, None]:
    """Draw all chunks, `jobs` at a time; in this process if that is one."""
    if jobs == 1:
        yield from map(draw, wanted)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, spare_the_collector) as pool:
        yield from pool.imap_unordered(draw, wanted)
