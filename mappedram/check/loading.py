"""The table of verdicts: findings of the rules against the results of QEMU releases."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mappedram.check.finding import Finding, Place
from mappedram.check.releases import ELSEWHERE
from mappedram.check.report import Asked, Verdict, verdict_of
from mappedram.qemu.loader import Verdict as LoaderVerdict

#: The worst finding of the rules about the file.
Worst = Literal["error", "not followed", "warning", "nothing"]
#: The results of the selected releases.
Loads = Literal["all", "perhaps", "some", "wrong", "none", "not asked"]

WORST: dict[Worst, str] = {
    "error": "an error",
    "not followed": "MR004: the file, or a part of it, was not parsed",
    "warning": "warnings, no error",
    "nothing": "nothing, or infos",
}
LOADS: dict[Loads, str] = {
    "all": "all load it with the right memory",
    "perhaps": "all probably load it, or lack a device that other builds have",
    "some": "some load it with the right memory, others refuse it, crash or hang",
    "wrong": "some load it with the right memory, others load it with wrong memory",
    "none": "none loads it with the right memory",
    "not asked": "no release is considered, or none is modelled",
}

#: By findings and results: the verdict for all releases and a destination that matches the file,
#: and the verdict for a named release or destination. None: no answer (`NotModelledError`).
TABLE: dict[tuple[Worst, Loads], tuple[Verdict, Verdict | None]] = {
    ("error", "all"): ("corrupt", "harmless"),
    ("error", "perhaps"): ("corrupt", "corrupt"),
    ("error", "some"): ("corrupt", "corrupt"),
    ("error", "wrong"): ("corrupt", "corrupt"),
    ("error", "none"): ("corrupt", "corrupt"),
    ("error", "not asked"): ("corrupt", None),
    ("not followed", "all"): ("unsupported", "unsupported"),
    ("not followed", "perhaps"): ("unsupported", "unsupported"),
    ("not followed", "some"): ("unsupported", "unsupported"),
    ("not followed", "wrong"): ("unsupported", "unsupported"),
    ("not followed", "none"): ("unsupported", "unsupported"),
    ("not followed", "not asked"): ("unsupported", "unsupported"),
    ("warning", "all"): ("harmless", "harmless"),
    ("warning", "perhaps"): ("harmless", "harmless"),
    ("warning", "some"): ("harmless", "harmless"),
    ("warning", "wrong"): ("harmless", "harmless"),
    ("warning", "none"): ("corrupt", "corrupt"),
    ("warning", "not asked"): ("harmless", None),
    ("nothing", "all"): ("clean", "clean"),
    ("nothing", "perhaps"): ("clean", "clean"),
    ("nothing", "some"): ("clean", "clean"),
    ("nothing", "wrong"): ("harmless", "harmless"),
    ("nothing", "none"): ("corrupt", "corrupt"),
    ("nothing", "not asked"): ("clean", None),
}


def unnamed(offset: int) -> Place:
    """A place with an offset only."""
    return Place(offset, None, "")


@dataclass(frozen=True)
class LoadingCase:
    """The input of the rules about loading.

    Attributes:
        qemu: result of each release.
        found: findings of the rules about the file that count.
        asked: the question.
        place_at: the place of an offset in the file.
    """

    qemu: Mapping[str, LoaderVerdict]
    found: Sequence[Finding]
    asked: Asked
    place_at: Callable[[int], Place] = unnamed

    @property
    def worst(self) -> Worst:
        """The row of the table."""
        verdict = verdict_of(self.found)
        lines: dict[Verdict, Worst] = {
            "corrupt": "error",
            "unsupported": "not followed",
            "harmless": "warning",
            "clean": "nothing",
        }
        return lines[verdict]

    @property
    def loads(self) -> Loads:
        """The column of the table."""
        verdicts = self.qemu.values()
        good = [verdict for verdict in verdicts if verdict.outcome == "loads"]
        if not verdicts:
            return "not asked"
        if len(good) == len(verdicts):
            return "all" if all(verdict.certain for verdict in good) else "perhaps"
        if any(verdict.outcome == "wrong-memory" for verdict in verdicts):
            return "wrong" if good else "none"
        if not self.asked and all(
            verdict.outcome == "loads" or ELSEWHERE.issuperset(verdict.because)
            for verdict in verdicts
        ):
            return "some" if good else "perhaps"
        return "some" if good else "none"

    @property
    def verdict(self) -> Verdict | None:
        """The cell of the table."""
        return TABLE[self.worst, self.loads][bool(self.asked)]
