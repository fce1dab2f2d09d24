"""Files to try a parser on, with what was done to them; any number, the same for the same seed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from random import Random

import mappedram
from mappedram.fuzz.defects import CATALOGUE, Breakage
from mappedram.fuzz.generate import SMALL, Limits, snapshot
from mappedram.fuzz.mutate import LENGTH, Mutation, Mutator
from mappedram.fuzz.remembering import DRIVER
from mappedram.fuzz.sparse import SparseFile
from mappedram.fuzz.spec import SnapshotSpec

#: How many fields are mutated in one file: mostly one, so that it is known which did it.
_COUNTS = (1, 1, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Case:
    """One file to try.

    Attributes:
        name: what kind of file it is: `sound`, `wild`, or the code of a rule and a defect.
        clean: the file before the mutations.
        mutations: what was done to it.
        cut: where the file was cut off after that, as nothing behind is needed; None for nowhere.
        spec: what the clean file was made from; None where that is not known.
        breaks: code of the rule that the clean file breaks; None if it is sound.
        expected: what the memory of the guest is to be after a load, as a digest; None where
            nobody looks.
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
        """The file before it was cut off."""
        return mutate(self.clean, self.mutations)


def mutate(file: SparseFile, mutations: Sequence[Mutation]) -> SparseFile:
    """The file with these mutations, made in order."""
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
    """What draws mutations of a file."""
    with file.opened() as fd, mappedram.open(fd, file.offset, driver=DRIVER) as opened:
        return Mutator(opened)


def sound(rng: Random, limits: Limits = SMALL) -> Case:
    """A sound file."""
    spec = snapshot(rng, limits)
    return Case("sound", spec.file(), spec=spec)


def broken(rng: Random, breakage: Breakage) -> Case:
    """A file with one defect."""
    name = f"{breakage.code}-{breakage.name}"
    return Case(name, breakage.file(rng), breaks=breakage.code)


def wild(rng: Random, limits: Limits = SMALL, most: int = 3) -> Case:
    """A file of which some fields, `most` of them at most, were mutated."""
    case = replace(sound(rng, limits), name="wild")
    drawn = mutator_of(case.clean).draw(rng, min(most, rng.choice(_COUNTS)))
    return replace(case, mutations=drawn)


def generated(seed: int) -> Iterator[Case]:
    """Sound files, broken ones rule by rule, and wild ones, in turn and without end."""
    ways = [way for code in sorted(CATALOGUE) for way in CATALOGUE[code]]
    kinds: tuple[Callable[[Random, int], Case], ...] = (
        lambda rng, _: sound(rng),
        lambda rng, round_: broken(rng, ways[round_ % len(ways)]),
        lambda rng, _: wild(rng),
    )
    for number in count():
        round_, kind = divmod(number, len(kinds))
        yield kinds[kind](Random(f"{seed}/{number}"), round_)


def of_seeds(seeds: Sequence[Case], seed: int) -> Iterator[Case]:
    """Mutations of given files, in turn and without end."""
    mutators = [mutator_of(case.clean) for case in seeds]
    for number in count():
        rng, which = Random(f"{seed}/{number}"), number % len(seeds)
        drawn = mutators[which].draw(rng, rng.choice(_COUNTS))
        yield replace(seeds[which], mutations=drawn)
