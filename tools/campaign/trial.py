"""One mutant: made from a seed and a number, loaded by QEMU, judged by the model."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Self

import mappedram
from mappedram.fuzz.mutate import Mutation, Mutator, apply
from mappedram.fuzz.qemu import Loaded, QemuLoader, digest_of_snapshot
from mappedram.loader import RELEASES, Destination, Verdict, newest
from mappedram.loader.pages import Bitmaps
from mappedram.loader.simulate import Simulation
from mappedram.pageio import Target, copy_data
from mappedram.snapshot import Snapshot
from mappedram.source import Source
from tools.campaign.seeds import SEEDS, Seed, save_guest

#: What one allocation can have in a QEMU with the address space of `QemuLoader`.
MEMORY = 5 << 30
#: How many mutations a mutant has.
_COUNTS = (1, 1, 2, 3)


@dataclass(frozen=True)
class Trial:
    """A mutant and what became of it, in QEMU and in the model."""

    index: int
    seed: Seed
    mutations: tuple[Mutation, ...]
    loaded: Loaded
    verdict: Verdict

    @property
    def agrees(self) -> bool:
        """Whether the model says what QEMU did."""
        return self.loaded.outcome == self.verdict.outcome

    def to_dict(self) -> dict[str, Any]:
        """One line of the results."""
        return {
            "index": self.index,
            "file": self.seed.name,
            "qemu": self.loaded.outcome,
            "said": self.loaded.message,
            "seconds": round(self.loaded.seconds, 3),
            **foretold(self.verdict),
            **_made_of(self.mutations),
        }


def foretold(verdict: Verdict) -> dict[str, Any]:
    """What the model says, as part of a line of the results."""
    return {
        "model": verdict.outcome,
        "certain": verdict.certain,
        "because": list(verdict.because),
        "expected": verdict.message,
    }


def _made_of(mutations: tuple[Mutation, ...]) -> dict[str, Any]:
    return {"mutations": [_readable(mutation) for mutation in mutations]}


def _readable(mutation: Mutation) -> dict[str, Any]:
    entry = asdict(mutation)
    return entry | {"before": mutation.before.hex(), "after": mutation.after.hex()}


class Good:
    """One good file, with what is worked out once for all its mutants."""

    def __init__(self, seed: Seed, snapshot: Snapshot, saved: Snapshot, loader: QemuLoader) -> None:
        self.seed = seed
        self.snapshot = snapshot
        self.loader = loader
        self.mutator = Mutator(snapshot)
        self.memory = digest_of_snapshot(snapshot, loader.guest)
        self.destination = replace(
            Destination.of(saved, memory=MEMORY),
            reference=snapshot,
            watched=frozenset(loader.guest.blocks),
        )


class Laboratory:
    """The good files, by name, and the QEMUs of one worker. A context manager."""

    def __init__(self, binary: Path, release: str, seed: str, files: Path, folder: Path) -> None:
        self.binary = binary
        self.release = RELEASES[release]
        self.seed = seed
        self.files = files
        self.mutant = folder / f"mutant-{os.getpid()}"
        self.good: dict[str, Good] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for seed in SEEDS:
            saved, path = saved_path(self.files, seed.guest), self.files / seed.name
            self.good[seed.name] = Good(
                seed,
                self._stack.enter_context(mappedram.open(path, seed.offset)),
                self._stack.enter_context(mappedram.open(saved)),
                self._stack.enter_context(QemuLoader(self.binary, seed.guest)),
            )
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        self.mutant.unlink(missing_ok=True)

    def trial(self, index: int) -> Trial:
        """Make the mutant of that number, load it and judge it."""
        with self._made(index) as (good, mutations, source):
            loaded = good.loader.load(self.mutant, good.seed.offset, good.memory)
            verdict = self._judged(good, source)
        return Trial(index, good.seed, mutations, loaded, verdict)

    def judge(self, index: int) -> dict[str, Any]:
        """What the model says of the mutant of that number, and what it is made of."""
        with self._made(index) as (good, mutations, source):
            return foretold(self._judged(good, source)) | _made_of(mutations)

    def _judged(self, good: Good, source: Source) -> Verdict:
        bitmaps = Bitmaps(source, good.destination.byteorder)
        simulation = Simulation(bitmaps, good.seed.offset, good.destination, self.release)
        return simulation.verdict(self.release)

    @contextmanager
    def _made(self, index: int) -> Iterator[tuple[Good, tuple[Mutation, ...], Source]]:
        """The mutant of that number, open, and what it is made of."""
        random = Random(f"{self.seed}:{index}")
        good = self.good[SEEDS[index % len(SEEDS)].name]
        mutations = good.mutator.draw(random, random.choice(_COUNTS))
        with self.mutant.open("w+b") as stream:
            original = good.snapshot.source
            copy_data(original, 0, original.size, Target(stream.fileno()))
            os.ftruncate(stream.fileno(), original.size)
            apply(stream.fileno(), mutations)
            with Source(stream.fileno()) as source:
                yield good, mutations, source


def release_of(numbers: Iterable[int | str]) -> str | None:
    """The row of the model that stands for a QEMU of that version; None if there is none."""
    full = ".".join(map(str, numbers))
    if full in RELEASES:
        return full
    try:
        return newest(full.rpartition(".")[0]).name
    except KeyError:
        return None


def saved_path(files: Path, guest: str) -> Path:
    """Where the file stands that QEMU saved of a guest."""
    return files / f"saved-{guest}"


def prepare(binary: Path, files: Path) -> None:
    """Make all good files."""
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir(parents=True)
    for guest in {seed.guest for seed in SEEDS}:
        save_guest(binary, guest, saved_path(files, guest))
    for seed in SEEDS:
        seed.make(saved_path(files, seed.guest), files / seed.name)
