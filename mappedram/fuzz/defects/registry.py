"""The table of defects. Each is a small function with the code of the rule that it breaks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from mappedram.format.constants import MAPPED_RAM_FILE_OFFSET_ALIGNMENT
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.generate import Limits, snapshot
from mappedram.fuzz.sound import SnapshotSpec
from mappedram.fuzz.sparse import SparseFile

#: Limits of a sound snapshot for a file that breaks one rule alone, without any notes: so it is
#: aligned like those of QEMU. It still takes kilobytes, the rest of it is holes.
BASE = Limits(align=MAPPED_RAM_FILE_OFFSET_ALIGNMENT, plain=True)

#: Turns a sound snapshot into a file with the defect; the `Random` makes the choices.
Change = Callable[[SnapshotSpec, Random], SparseFile]


@dataclass(frozen=True, slots=True)
class Breakage:
    """One way to break one rule.

    Attributes:
        code: the rule.
        name: the defect, in words with underscores.
        change: makes the file.
    """

    code: str
    name: str
    change: Change

    def file(self, rng: Random, limits: Limits = BASE) -> SparseFile:
        """Draw a file with this defect.

        Args:
            rng: chooses the snapshot, and the place of the defect.
            limits: limits of the snapshot; `check` notes other alignments than 1 MiB
                (`ALIGNMENT_NOTE`).
        """
        spec = snapshot(rng, replace(limits, plain=True))
        changed = self.change(spec, rng)
        return replace(changed, origin=f"{self.code} {self.name}")


def with_change(spec: SnapshotSpec, change: Callable[[Draft], object]) -> SparseFile:
    """A sound file with one change, such as those of `mappedram.fuzz.defects.changes`."""
    draft = Draft.of(spec)
    change(draft)
    return draft.file


#: All ways to break a rule, by its code.
CATALOGUE: dict[str, tuple[Breakage, ...]] = {}


def breaks(code: str) -> Callable[[Change], Change]:
    """Register a function that breaks the rule `code`."""

    def register(change: Change) -> Change:
        breakage = Breakage(code, change.__name__, change)
        CATALOGUE[code] = (*CATALOGUE.get(code, ()), breakage)
        return change

    return register
