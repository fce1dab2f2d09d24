"""Minimise a failing file while it fails in the same way.

Fields first go back to their clean values, or as close as possible; then the guest becomes smaller,
and at last the file shorter.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from mappedram.fuzz.cases import Case
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.mutate import LENGTH, Mutation
from mappedram.fuzz.sound import RamSpec, SnapshotSpec

#: Whether a case fails in the same way.
Fails = Callable[[Case], bool]

#: Simpler values for a field that cannot go back, by its clean value; the simplest first.
_PLAINER: tuple[tuple[str, Callable[[int], int]], ...] = (
    ("twice what it was", lambda value: value * 2),
    ("half of what it was", lambda value: value // 2),
    ("zero", lambda value: 0),  # noqa: ARG005
    ("one more than it was", lambda value: value + 1),
    ("one less than it was", lambda value: value - 1),
)
#: Longest number in a header, in bytes.
_NUMBER_MAX = 8


class _SpentError(Exception):
    """No tries are left."""


class _Tries:
    """Tries candidates, up to a limit.

    Attributes:
        plainest: the last candidate that failed.
        left: number of tries left.
    """

    def __init__(self, case: Case, fails: Fails, left: int) -> None:
        self.plainest = case
        self.left = left
        self._fails = fails

    def __call__(self, candidate: Case) -> bool:
        self.refuse_more()
        self.left -= 1
        failed = self._fails(candidate)
        if failed:
            self.plainest = candidate
        return failed

    def refuse_more(self) -> None:
        """Raise if no tries are left, before a candidate is made that takes long."""
        if not self.left:
            raise _SpentError


def minimise(case: Case, fails: Fails, tries: int = 80) -> Case:
    """The simplest failing case found with at most `tries` tries."""
    asked = _Tries(case, fails, tries)
    try:
        for step in (_fewer_mutations, _plainer_values, _smaller_guest, _shorter_file):
            step(asked.plainest, asked)
    except _SpentError:
        pass
    return asked.plainest


def _fewer_mutations(case: Case, fails: Fails) -> None:
    for change in case.mutations:
        fewer = tuple(other for other in case.mutations if other != change)
        candidate = replace(case, mutations=fewer)
        if (fewer or case.breaks) and fails(candidate):
            case = candidate


def _plainer_values(case: Case, fails: Fails) -> None:
    for number in range(len(case.mutations)):
        for plainer in _plainer(case.mutations[number]):
            mutations = (*case.mutations[:number], plainer, *case.mutations[number + 1 :])
            candidate = replace(case, mutations=mutations)
            if fails(candidate):
                case = candidate
                break


def _plainer(change: Mutation) -> Iterator[Mutation]:
    """The mutation with simpler values, the simplest first; stops before its own."""
    size = len(change.before)
    if change.path == LENGTH or not 0 < size <= _NUMBER_MAX:
        return
    before = int.from_bytes(change.before, "big")
    for what, plain in _PLAINER:
        value = plain(before)
        if not 0 <= value < 1 << 8 * size or value == before:
            continue
        after = value.to_bytes(size, "big")
        if after == change.after:
            return
        yield replace(change, after=after, what=what)


def _smaller_guest(case: Case, fails: _Tries) -> None:
    """Only possible if the origin of the clean file is known, and its fields can be found again."""
    again = case.spec is not None and all(change.path != LENGTH for change in case.mutations)
    while again and case.spec:
        candidates = (_with_spec(case, spec, fails) for spec in _smaller(case.spec))
        smaller = next((entry for entry in candidates if entry and fails(entry)), None)
        again = smaller is not None
        case = smaller or case


def _with_spec(case: Case, spec: SnapshotSpec, tries: _Tries) -> Case | None:
    """The same mutations of another clean file; None if it lacks a field."""
    tries.refuse_more()
    clean = spec.file()
    draft = Draft(clean)
    mutations = [_moved(change, draft) for change in case.mutations]
    if None in mutations:
        return None
    moved = tuple(change for change in mutations if change)
    return replace(case, clean=clean, spec=spec, mutations=moved)


def _moved(change: Mutation, draft: Draft) -> Mutation | None:
    """The mutation of the field with that path, at its place in another file."""
    for element in draft.stream.elements:
        if change.path.startswith(f"{element.path}/"):
            try:
                place = draft.place(element.path, change.path.removeprefix(f"{element.path}/"))
            except LookupError:
                continue
            length = place.end - place.start
            if length != len(change.after):
                return None
            before = draft.file.read(place.start, length)
            return replace(change, offset=place.start, before=before)
    return None


def _smaller(spec: SnapshotSpec) -> Iterator[SnapshotSpec]:
    """Snapshots that are slightly smaller."""
    plain = {"devices": (), "early": (), "uuid": None, "target_page_bits": None, "offset": 0}
    for name, value in plain.items():
        if getattr(spec, name) != value:
            yield replace(spec, **{name: value})  # type: ignore[arg-type]
    if len(spec.blocks) > 1:
        yield replace(spec, blocks=spec.blocks[:-1])
        yield replace(spec, blocks=spec.blocks[1:])
    for number, block in enumerate(spec.blocks):
        for smaller in _smaller_block(block):
            blocks = (*spec.blocks[:number], smaller, *spec.blocks[number + 1 :])
            yield replace(spec, blocks=blocks)


def _smaller_block(block: RamSpec) -> Iterator[RamSpec]:
    if block.num_pages > 1:
        yield block.shortened(block.num_pages // 2)
    if block.runs:
        yield replace(block, runs=block.runs[:-1])


def _shorter_file(case: Case, fails: Fails) -> None:
    """Truncate as much of the end as possible, to the byte."""
    if any(change.path == LENGTH for change in case.mutations):
        return
    short, long = 0, case.whole.size
    while long - short > 1:
        middle = (short + long) // 2
        candidate = replace(case, cut=middle)
        if fails(candidate):
            long = middle
        else:
            short = middle
