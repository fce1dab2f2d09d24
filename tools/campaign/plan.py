"""What a campaign tries: good files, kinds of mutations, a seed; and how machines share it out."""

from dataclasses import dataclass
from math import gcd
from random import Random
from typing import Self

#: How many mutations a mutant has.
_COUNTS = (1, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Plan:
    """Mutants by number, without end.

    Attributes:
        seed: which mutants.
        files: names of the good files, which take turns.
        kinds: what is changed (`mappedram.fuzz.mutate.KINDS`).
    """

    seed: str
    files: tuple[str, ...]
    kinds: tuple[str, ...]

    def file_of(self, index: int) -> str:
        """The good file that a mutant is made of."""
        return self.files[index % len(self.files)]

    def random(self, index: int) -> tuple[Random, int]:
        """What a mutant is drawn with, and how many mutations it has.

        They do not depend on which other files take part.
        """
        random = Random(f"{self.seed}:{self.file_of(index)}:{index // len(self.files)}")
        return random, random.choice(_COUNTS)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a plan: each has mutants of all files, and no two have the same.

    Attributes:
        number: which one, from 1.
        of: how many there are.
    """

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard written as `K/N`.

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
        """Whether two shards of one plan have mutants in common."""
        return (self.number - other.number) % gcd(self.of, other.of) == 0
