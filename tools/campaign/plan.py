"""The plan of a campaign: good files, kinds of mutations, a seed; and its division into shards."""

from dataclasses import dataclass
from math import gcd
from random import Random
from typing import Self

#: Numbers of mutations of a mutant.
_COUNTS = (1, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Plan:
    """An endless series of numbered mutants.

    Attributes:
        seed: selects the mutants.
        files: names of the good files, used in turn.
        kinds: kinds of mutations (`mappedram.fuzz.mutate.KINDS`).
    """

    seed: str
    files: tuple[str, ...]
    kinds: tuple[str, ...]

    def file_of(self, index: int) -> str:
        """The good file of a mutant."""
        return self.files[index % len(self.files)]

    def random(self, index: int) -> tuple[Random, int]:
        """The random generator of a mutant, and its number of mutations.

        They do not depend on the other files of the plan.
        """
        random = Random(f"{self.seed}:{self.file_of(index)}:{index // len(self.files)}")
        return random, random.choice(_COUNTS)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a plan: each has mutants of all files, and they are disjoint.

    Attributes:
        number: of the shard, from 1.
        of: number of shards.
    """

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `K/N`.

        Raises:
            ValueError: there is no such shard.
        """
        number, _, of = text.partition("/")
        shard = cls(int(number), int(of))
        if not 1 <= shard.number <= shard.of:
            raise ValueError(f"no shard: {text}")
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def indices(self, plan: Plan, count: int) -> list[int]:
        """Numbers of its mutants among the first `count` of the plan."""
        rounds = len(plan.files)
        return [i for i in range(count) if i // rounds % self.of == self.number - 1]

    def overlaps(self, other: "Shard") -> bool:
        """Whether two shards of one plan have common mutants."""
        return (self.number - other.number) % gcd(self.of, other.of) == 0
