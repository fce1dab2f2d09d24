"""Find a pattern in guest-physical memory, without reading pages that are not stored.

Stored pages are searched in steps that fit into the processor's cache. Each step is preceded by the
last bytes before it, and followed by zeros up to the next stored page. So a match is found in the
step with its last stored byte, and in no other.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mappedram.guest.physical.pattern import PatternFinder
from mappedram.guest.physical.ranges import PhysicalMap, Range
from mappedram.io.copying import grouped, pages_of, read_fully

if TYPE_CHECKING:
    from mappedram.io.spans import Runs
    from mappedram.stream.block import Block

#: Bytes that are read and searched at once, unless the pattern is long.
STEP = 1 << 19


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """Stored pages of one range that are searched at once; `runs` are their addresses."""

    range: Range
    runs: "Runs"

    @property
    def start(self) -> int:
        return int(self.runs[0, 0])

    @property
    def end(self) -> int:
        return int(self.runs[-1, 1])


class Searched(Protocol):
    """The memory to search: a `PhysicalMemory`, which documents these methods."""

    map: PhysicalMap

    def block(self, one: Range) -> "Block": ...  # noqa: D102

    def iter_data_runs(self, one: Range) -> Iterator["Runs"]: ...  # noqa: D102

    def known(self, one: Range) -> Iterator[Range]: ...  # noqa: D102

    def require_known(self) -> None: ...  # noqa: D102


def matches(memory: Searched, pattern: bytes, *, partial: bool = False) -> Iterator[int]:
    """The addresses of all matches, ascending; see `PhysicalMemory.search`.

    Raises:
        ValueError: the pattern is empty.
        UnknownPagesError: some of the memory is unknown, and `partial` is not set.
    """
    pattern = bytes(pattern)
    if not pattern:
        raise ValueError("pattern: expected at least one byte")
    if not partial:
        memory.require_known()
    return _matches(memory, pattern)


def _matches(memory: Searched, pattern: bytes) -> Iterator[int]:
    size = max(STEP, 1 << (4 * len(pattern)).bit_length())
    buffer = bytearray(size + 2 * (len(pattern) - 1))
    finder = PatternFinder(pattern, buffer)
    known = [part for one in memory.map.ranges for part in memory.known(one)]
    with ExitStack() as stack:
        for one in known:
            stack.enter_context(memory.block(one).reading_ahead(one.offset, one.size))
        for span in _spans(known):
            # Zeros between stored pages only match a pattern of zeros, which is not searched there.
            steps = _steps(memory, span, size, together=any(pattern))
            yield from _in_span(memory, span, steps, finder, buffer)


def _in_span(
    memory: Searched,
    span: list[Range],
    steps: Iterator[_Step],
    finder: PatternFinder,
    buffer: bytearray,
) -> Iterator[int]:
    """The matches in ranges without gaps between them."""
    overlap = len(finder.pattern) - 1
    here = next(steps, None)
    before, position = b"", span[0].gpa
    while here is not None:
        following = next(steps, None)
        before = _last(before, here.start - position, overlap)
        position = here.end
        core = len(before) + position - here.start
        until = following.start if following else span[-1].end
        end = core + min(overlap, until - position)
        buffer[: len(before)] = before
        with memoryview(buffer) as view, view[len(before) : core] as target:
            _fill(memory, here, target)
        buffer[core:end] = bytes(end - core)
        first = here.start - len(before)
        for at in finder.find(end):
            yield first + at
        before = bytes(buffer[max(0, core - overlap) : core])
        here = following


def _last(before: bytes, zeros: int, length: int) -> bytes:
    """The last `length` bytes of `before` followed by `zeros` zeros."""
    joined = before + bytes(min(zeros, length))
    return joined[max(0, len(joined) - length) :]


def _spans(ranges: list[Range]) -> Iterator[list[Range]]:
    """Group ranges without gaps between them."""
    span: list[Range] = []
    for one in ranges:
        if span and span[-1].end != one.gpa:
            yield span
            span = []
        span.append(one)
    if span:
        yield span


def _steps(memory: Searched, span: list[Range], size: int, *, together: bool) -> Iterator[_Step]:
    """The stored pages of a span, in order, in steps of at most `size` bytes."""
    for one in span:
        for runs in memory.iter_data_runs(one):
            for _, part in grouped(runs, size):
                if together:
                    yield _Step(one, part)
                else:
                    for index in range(len(part)):
                        yield _Step(one, part[index : index + 1])


def _fill(memory: Searched, step: _Step, target: memoryview) -> None:
    """Read a step; pages in it that are not stored become zeros, whatever the file has there."""
    one, block = step.range, memory.block(step.range)
    offset = one.offset + step.start - one.gpa
    page_size = block.page_size
    if offset % page_size or len(target) % page_size:
        target[:] = block.read(offset, len(target))
        return
    if block.recorded is not None:
        target[:] = bytes(len(target))
        block.read_pages(offset // page_size, target)
        return
    assert block.model.pages_offset is not None
    read_fully(block.source, target, block.model.pages_offset + offset)
    if len(step.runs) > 1:
        import numpy as np

        stored = pages_of((step.runs - step.start) // page_size, 0)
        np.frombuffer(target, np.uint8).reshape(-1, page_size)[~stored] = 0
