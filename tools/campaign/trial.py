"""One mutant: made from a plan and a number, loaded by QEMUs, judged by the model."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import mappedram
from mappedram.fuzz.mutate import Mutation, Mutator, apply
from mappedram.io.copying import WriteTarget, copy_data
from mappedram.io.opening import open_source
from mappedram.io.source import Source
from mappedram.qemu.loader import RELEASES, Destination, Verdict
from mappedram.qemu.loader.pages import Bitmaps
from mappedram.qemu.loader.record_cache import Ledgers
from mappedram.qemu.loader.simulate import Simulation
from mappedram.qemu.run.load import LoadResult, QemuLoader, digest_of_snapshot
from mappedram.stream.snapshot import OpenSnapshot
from tools.campaign.emulators import Emulator, saver_of
from tools.campaign.plan import Plan
from tools.campaign.results import Row, digest, mutant_of
from tools.campaign.seeds import SEEDS, Seed, save_guest

#: Largest allocation of a QEMU with the address space of `QemuLoader`.
MEMORY = 5 << 30
#: Factor for the time limit of a load that unexpectedly did not end.
_PATIENCE = 9
_MANIFEST = "manifest.json"
_SEEDS = {seed.name: seed for seed in SEEDS}
#: A good file: its name, and the QEMU that saved its original.
Key = tuple[str, Emulator]


class Good:
    """One good file, with values computed once for all its mutants."""

    def __init__(
        self, seed: Seed, snapshot: OpenSnapshot, saved: OpenSnapshot, name: str, plan: Plan
    ) -> None:
        self.seed = seed
        self.snapshot = snapshot
        #: The digest of the file.
        self.name = name
        self.mutator = Mutator(snapshot, plan.kinds)
        self.memory = digest_of_snapshot(snapshot, seed.machine)
        self.destination = replace(
            Destination.of(saved, memory=MEMORY),
            reference=snapshot,
            watched=frozenset(seed.machine.blocks),
        )


@dataclass(frozen=True)
class Setting:
    """State that all workers of a campaign share.

    Attributes:
        emulators: the QEMUs.
        plan: the plan.
        files: the folder with the good files (`prepare`).
        commit: commit of this repository with the model.
    """

    emulators: tuple[Emulator, ...]
    plan: Plan
    files: Path
    commit: str


class Laboratory:
    """The good files by name, and the QEMUs of one worker. A context manager.

    Args:
        setting: state that all workers share.
        folder: for the mutants.
    """

    def __init__(self, setting: Setting, folder: Path) -> None:
        self.setting = setting
        self.mutant = folder / f"mutant-{os.getpid()}"
        self.good: dict[Key, Good] = {}
        self.loaders: dict[tuple[str, Emulator], QemuLoader] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        digests = _manifest(self.setting.files)
        for name in self.setting.plan.files:
            for emulator in self.setting.emulators:
                if emulator.arch == _SEEDS[name].arch:
                    self._open(name, emulator, digests)
        return self

    def _open(self, name: str, emulator: Emulator, digests: Mapping[str, str]) -> None:
        seed, key = _SEEDS[name], self._key(name, emulator)
        if key not in self.good:
            saved, path = paths(self.setting.files, seed, key[1])
            self.good[key] = Good(
                seed,
                self._stack.enter_context(mappedram.open(path, seed.offset)),
                self._stack.enter_context(mappedram.open(saved)),
                digests[path.name],
                self.setting.plan,
            )
        loader = QemuLoader(emulator.binary, seed.machine)
        self.loaders[name, emulator] = self._stack.enter_context(loader)

    def _key(self, name: str, emulator: Emulator) -> Key:
        return name, saver_of(_SEEDS[name], emulator, self.setting.emulators)

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        self.mutant.unlink(missing_ok=True)

    def trial(self, index: int, emulators: Sequence[Emulator] | None = None) -> list[Row]:
        """Make the mutant of that number, and load and judge it in each QEMU that has the machine.

        Args:
            index: the number.
            emulators: the QEMUs that load it; None for all.
        """
        name = self.setting.plan.file_of(index)
        groups: dict[Key, list[Emulator]] = {}
        for emulator in emulators or self.setting.emulators:
            if (name, emulator) in self.loaders:
                groups.setdefault(self._key(name, emulator), []).append(emulator)
        return [row for key, group in groups.items() for row in self._rows(index, key, group)]

    def _rows(self, index: int, key: Key, group: Sequence[Emulator]) -> Iterator[Row]:
        with self._made(index, key) as (good, mutations, source):
            verdicts = self._verdicts(good, source, [one.release for one in group])
            for emulator, verdict in zip(group, verdicts, strict=True):
                loader = self.loaders[key[0], emulator]
                in_time = verdict.outcome != "hangs"
                loaded = load(loader, self.mutant, good.seed.offset, good.memory, in_time=in_time)
                yield _row(index, good, mutations, emulator, loaded).judged(
                    verdict, self.setting.commit
                )

    def judge(self, row: Row) -> Row | None:
        """Judge a row again; None if its mutant has changed, or is of another good file."""
        for key, good in self.good.items():
            if (key[0], good.name) == (row.file, row.good):
                with self._made(row.index, key) as (_, mutations, source):
                    if mutant_of(mutations) == row.mutant:
                        (verdict,) = self._verdicts(good, source, [row.release])
                        return row.judged(verdict, self.setting.commit)
        return None

    def load(self, name: str, emulator: Emulator) -> LoadResult:
        """Load a good file unchanged."""
        good = self.good[self._key(name, emulator)]
        _, path = paths(self.setting.files, good.seed, self._key(name, emulator)[1])
        return self.loaders[name, emulator].load(path, good.seed.offset, good.memory)

    def _verdicts(self, good: Good, source: Source, releases: Sequence[str]) -> list[Verdict]:
        """The model's verdict for each of these releases."""
        bitmaps = Bitmaps(source, good.destination.byteorder)
        ledgers = Ledgers(source, keep=True)
        found: dict[str, Verdict] = {}
        for name in dict.fromkeys(releases):
            release = RELEASES[name]
            simulation = Simulation(bitmaps, good.seed.offset, good.destination, release, ledgers)
            found[name] = simulation.verdict(release)
        return [found[name] for name in releases]

    @contextmanager
    def _made(self, index: int, key: Key) -> Iterator[tuple[Good, tuple[Mutation, ...], Source]]:
        """The open mutant of that number, and its good file."""
        good = self.good[key]
        random, count = self.setting.plan.random(index)
        mutations = good.mutator.draw(random, count)
        with self.mutant.open("w+b") as stream:
            original = good.snapshot.source
            copy_data(original, 0, original.size, WriteTarget(stream.fileno()))
            os.ftruncate(stream.fileno(), original.size)
            apply(stream.fileno(), mutations)
            with open_source(stream.fileno()) as source:
                yield good, mutations, source


def load(
    loader: QemuLoader, path: Path, offset: int, memory: bytes, *, in_time: bool
) -> LoadResult:
    """Load a file; try again with more time if it unexpectedly does not end.

    Args:
        loader: the QEMU.
        path: the file.
        offset: where the stream begins.
        memory: digest of the saved memory.
        in_time: whether the model says that the load ends; if it does not, the machine may have
            been busy.
    """
    loaded = loader.load(path, offset, memory)
    if loaded.outcome == "hangs" and in_time:
        hurried, loader.timeout = loader.timeout, _PATIENCE * loader.timeout
        loaded = loader.load(path, offset, memory)
        loader.timeout = hurried
    return loaded


def _row(
    index: int,
    good: Good,
    mutations: tuple[Mutation, ...],
    emulator: Emulator,
    loaded: LoadResult,
) -> Row:
    """A result that is not judged yet."""
    return Row(
        index=index,
        file=good.seed.name,
        good=good.name,
        machine=good.seed.guest,
        form=good.seed.form,
        kinds=tuple(sorted({one.kind for one in mutations})),
        mutant=mutant_of(mutations),
        arch=emulator.arch,
        version=emulator.version,
        outcome=loaded.outcome,
        said=loaded.message,
        seconds=round(loaded.seconds, 3),
        release=emulator.release,
        model="",
        certain=False,
        because=(),
        expected=None,
        commit="",
        mutations=mutations,
    )


def paths(files: Path, seed: Seed, saver: Emulator) -> tuple[Path, Path]:
    """Paths of the file that a QEMU saved, and of the good file made from it."""
    tail = f"-{saver.version}" if seed.own else ""
    return files / (seed.saved + tail), files / (seed.name + tail)


def prepare(emulators: Sequence[Emulator], names: Sequence[str], files: Path) -> None:
    """Make missing good files; those of an earlier run are kept.

    Raises:
        RuntimeError: a QEMU does not save.
    """
    files.mkdir(parents=True, exist_ok=True)
    known = _manifest(files)
    for seed in (_SEEDS[name] for name in names):
        loading = [one for one in emulators if one.arch == seed.arch]
        for saver in dict.fromkeys(saver_of(seed, one, emulators) for one in loading):
            saved, path = paths(files, seed, saver)
            if path.name in known:
                continue
            if not saved.exists():
                save_guest(saver.binary, seed.machine, saved)
            path.unlink(missing_ok=True)
            seed.make(saved, path)
            known[path.name] = digest(path.read_bytes())
            (files / _MANIFEST).write_text(json.dumps(known), encoding="utf-8")


def _manifest(files: Path) -> dict[str, str]:
    """Digests of the complete good files, by name."""
    path = files / _MANIFEST
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found
