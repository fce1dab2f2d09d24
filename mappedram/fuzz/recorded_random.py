"""A `Random` that records its answers, so that a draw can be repeated without its source."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

_Value = TypeVar("_Value")

#: Result of a method of `Random`.
Answer = int | float


class Recorded(Random):
    """Uses another `Random`, and records its answers.

    Args:
        source: the other one.
    """

    def __init__(self, source: Random) -> None:
        super().__init__(0)
        self._source = source
        self.answers: list[Answer] = []

    def random(self) -> float:
        """See `Random.random`."""
        return self._kept(self._source.random())

    def getrandbits(self, k: int, /) -> int:
        """See `Random.getrandbits`."""
        return self._kept(self._source.getrandbits(k))

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        """See `Random.randrange`; recorded as one answer."""
        return self._kept(self._source.randrange(start, stop, step))

    def choice(self, seq: Sequence[_Value]) -> _Value:  # type: ignore[override]
        """See `Random.choice`."""
        return seq[self.randrange(len(seq))]

    def _kept(self, answer: _Value) -> _Value:
        self.answers.append(answer)  # type: ignore[arg-type]
        return answer


class Replayed(Recorded):
    """Repeats recorded answers.

    Raises:
        IndexError: there are no more answers: the generator differs from the recorded one.
    """

    def __init__(self, answers: Iterable[Answer]) -> None:
        super().__init__(_Given(answers))


class _Given(Random):
    def __init__(self, answers: Iterable[Answer]) -> None:
        super().__init__(0)
        self._left = list(answers)[::-1]

    def random(self) -> float:
        return self._left.pop()

    def getrandbits(self, k: int, /) -> int:  # noqa: ARG002
        return int(self._left.pop())

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:  # noqa: ARG002
        return int(self._left.pop())
