"""The table of changes. Each is a small function with the code of the rule that it breaks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mappedram.fuzz.changeable import ChangeableFile

#: Changes a file, and returns the offset of what `check` finds in it.
Change = Callable[[ChangeableFile], int | None]
C = TypeVar("C", bound=Change)


@dataclass(frozen=True, slots=True)
class FileChange:
    """One change to a file.

    Attributes:
        code: the rule that it breaks.
        change: makes it; LookupError where the file lacks what is changed.
        also: rules that are broken with it unavoidably.
    """

    code: str
    change: Change
    also: frozenset[str]

    @property
    def name(self) -> str:
        """The rule, and the defect in words with underscores."""
        return f"{self.code}-{self.change.__name__}"


#: All changes.
CHANGES: list[FileChange] = []


def changes(code: str, *also: str) -> Callable[[C], C]:
    """Register a function that breaks the rule `code`, and with it those of `also`."""

    def register(change: C) -> C:
        CHANGES.append(FileChange(code, change, frozenset(also)))
        return change

    return register
