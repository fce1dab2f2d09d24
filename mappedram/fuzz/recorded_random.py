"""A `Random` that keeps what it answered, so that a draw can be made again without its source."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

_Value = TypeVar("_Value")

#: What a `Random` answers in the end.
Answer = int | float


class Recorded(Random):
    """Asks another `Random`, and keeps its answers.

    Args:
        source: what answers.
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
        """See `Random.randrange`: one answer, however the source comes to it."""
        return self._kept(self._source.randrange(start, stop, step))

    def choice(self, seq: Sequence[_Value]) -> _Value:  # type: ignore[override]
        """See `Random.choice`."""
        return seq[self.randrange(len(seq))]

    def _kept(self, answer: _Value) -> _Value:
        self.answers.append(answer)  # type: ignore[arg-type]
        return answer


class Replayed(Recorded):
    """Gives recorded answers again.

    Raises:
        IndexError: when there are no more answers: the generator is not the one that was recorded.
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
