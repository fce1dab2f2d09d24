"""Files to test a parser with, and their mutations: an endless series for each seed."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from mappedram.fuzz.caching_driver import DRIVER
from mappedram.fuzz.defects import CATALOGUE, Breakage
from mappedram.fuzz.faults import Drawing, Fault, attempt
from mappedram.fuzz.generate import SMALL, Limits, snapshot
from mappedram.fuzz.mutate import LENGTH, Mutation, Mutator
from mappedram.fuzz.sound import SnapshotSpec
from mappedram.fuzz.sparse import SparseFile
from mappedram.stream.snapshot import open_snapshot

#: Kinds that `Generated` draws in turn.
KINDS = ("sound", "broken", "wild")
#: Number of consecutive wild files from one sound file.
_WILD = 4
#: Numbers of mutated fields in one file: mostly one, so that the cause is known.
_COUNTS = (1, 1, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Case:
    """One file to try.

    Attributes:
        name: kind of the file: `sound`, `wild`, or the code of a rule and a defect.
        clean: the file before the mutations.
        mutations: the mutations.
        cut: where the file is truncated after that, because the rest is not needed; None for
            nowhere.
        spec: what the clean file was made from; None if unknown.
        breaks: code of the rule that the clean file breaks; None if it is sound.
        expected: digest of the expected guest memory after a load; None if it is not compared.
    """

    name: str
    clean: SparseFile
    mutations: tuple[Mutation, ...] = ()
    cut: int | None = None
    spec: SnapshotSpec | None = None
    breaks: str | None = None
    expected: bytes | None = None

    @property
    def file(self) -> SparseFile:
        """The file to try."""
        return self.whole if self.cut is None else self.whole.resize(self.cut)

    @property
    def whole(self) -> SparseFile:
        """The file before it was truncated."""
        return mutate(self.clean, self.mutations)


def mutate(file: SparseFile, mutations: Sequence[Mutation]) -> SparseFile:
    """Apply these mutations in order."""
    for change in mutations:
        if change.path == LENGTH:
            end = file.size
            file = file.resize(change.offset)
            if change.offset > end:
                file = file.write(end, change.after[: change.offset - end])
        elif change.offset < file.size:
            file = file.write(change.offset, change.after[: file.size - change.offset])
    return file


def mutator_of(file: SparseFile) -> Mutator:
    """The mutator of a file."""
    with file.opened() as fd, open_snapshot(fd, file.offset, driver=DRIVER) as opened:
        return Mutator(opened)


def sound(rng: Random, limits: Limits = SMALL) -> Case:
    """Draw a sound file."""
    spec = snapshot(rng, limits)
    return Case("sound", spec.file(), spec=spec)


def broken(rng: Random, breakage: Breakage) -> Case:
    """Draw a file with one defect."""
    name = f"{breakage.code}-{breakage.name}"
    return Case(name, breakage.file(rng), breaks=breakage.code)


def wild(rng: Random, limits: Limits = SMALL, most: int = 3) -> Case:
    """Draw a file with at most `most` mutated fields."""
    return _mutated(*_with_mutator(rng, limits), rng, most)


def _with_mutator(rng: Random, limits: Limits = SMALL) -> tuple[Case, Mutator]:
    """Draw a sound file, and its mutator."""
    case = replace(sound(rng, limits), name="wild")
    return case, mutator_of(case.clean)


def _mutated(case: Case, mutator: Mutator, rng: Random, most: int = 3) -> Case:
    return replace(case, mutations=mutator.draw(rng, min(most, rng.choice(_COUNTS))))


class Cases(ABC, Iterator[Case]):
    """Cases by number: an endless series for each seed.

    Each case is drawn independently, so an iteration continues after a case that raises.

    Attributes:
        seed: selects the series.
        number: of the case that is drawn next.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.number = 0

    @abstractmethod
    def draw(self, number: int) -> Case:
        """Draw the case of that number, 0 or more."""

    @abstractmethod
    def kind(self, number: int) -> str:
        """Kind of a case, known before it is drawn."""

    def wants(self, case: Case) -> bool:  # noqa: ARG002
        """Whether an iteration yields the case instead of skipping it."""
        return True

    def __next__(self) -> Case:
        while not self.wants(case := self.draw(self._take())):
            pass
        return case

    def attempt(self) -> tuple[int, Case | Fault]:
        """Draw the next case; return it or its fault, with its number.

        Raises:
            OSError: the machine cannot go on.
        """
        while True:
            number = self._take()
            drawn = attempt(partial(self._whole, number), self.named(number))
            if isinstance(drawn, Fault) or self.wants(drawn):
                return number, drawn

    def _whole(self, number: int) -> Case:
        """The case with its file already made, which is a part of drawing."""
        case = self.draw(number)
        _ = case.file
        return case

    def named(self, number: int, before: str = "") -> Drawing:
        """Description of the case of that number, for a fault; begins with `before`."""
        return Drawing(
            f"{before}case {number} of seed {self.seed} ({self.kind(number)})",
            f"--seed {self.seed} --first {number} --count 1",
            number,
        )

    def _take(self) -> int:
        number = self.number
        self.number += 1
        return number


class Generated(Cases):
    """Sound files, broken ones rule by rule, and wild ones, in turn."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._ways = [way for code in sorted(CATALOGUE) for way in CATALOGUE[code]]
        self._clean: tuple[int, Case, Mutator] | None = None

    def draw(self, number: int) -> Case:
        """See `Cases.draw`."""
        rng, kind = Random(f"{self.seed}/{number}"), self.kind(number)
        round_ = number // len(KINDS)
        if kind == "broken":
            return broken(rng, self._ways[round_ % len(self._ways)])
        return sound(rng) if kind == "sound" else _mutated(*self._mutable(round_ // _WILD), rng)

    def _mutable(self, number: int) -> tuple[Case, Mutator]:
        """A sound file, and its mutator. Making these takes longer than a mutation."""
        if self._clean is None or self._clean[0] != number:
            self._clean = (number, *_with_mutator(Random(f"{self.seed}/clean/{number}")))
        return self._clean[1:]

    def kind(self, number: int) -> str:
        """See `Cases.kind`."""
        return KINDS[number % len(KINDS)]


class Seeded(Cases):
    """Mutations of given files, in turn."""

    def __init__(self, seeds: Sequence[Case], seed: int) -> None:
        super().__init__(seed)
        self._seeds = seeds
        self._mutators = [mutator_of(case.clean) for case in seeds]

    def draw(self, number: int) -> Case:
        """See `Cases.draw`."""
        rng, which = Random(f"{self.seed}/{number}"), number % len(self._seeds)
        return _mutated(self._seeds[which], self._mutators[which], rng)

    def kind(self, number: int) -> str:
        """See `Cases.kind`."""
        return self._seeds[number % len(self._seeds)].name
