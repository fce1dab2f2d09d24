"""The summary of a run: how many files of which kind."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mappedram.json_types import Json

#: Exit statuses from the worst to the best; a run ends with the worst one of its files.
_WORST_FIRST = (1, 2, 63, 3, 0)
#: The tables in their order.
_TITLES = ("verdict", "save", "found", "rule", "machine", "QEMU")


@dataclass(slots=True)
class FleetSummary:
    """Counts of files.

    Attributes:
        files: how many there were.
        statuses: how many ended with each exit status.
        cells: how many count in each cell of the tables: table, row, column.
    """

    files: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    cells: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, status: int, counts: Iterable[tuple[str, str, str]]) -> None:
        """Count one file."""
        self.files += 1
        self.statuses[status] += 1
        self.cells.update(counts)

    @property
    def status(self) -> int:
        """The exit status of the run: that of the worst file."""
        return next((status for status in _WORST_FIRST if self.statuses[status]), 0)

    def tables(self) -> Iterator[tuple[str, list[str], dict[str, list[int]]]]:
        """The tables: a title, the columns, and the counts of each row by its label."""
        for title in sorted({title for title, _, _ in self.cells}, key=_TITLES.index):
            cells = {key[1:]: count for key, count in self.cells.items() if key[0] == title}
            columns = sorted({column for _, column in cells})
            rows = sorted({row for row, _ in cells}, key=_natural)
            yield title, columns, {row: [cells.get((row, c), 0) for c in columns] for row in rows}

    def to_dict(self) -> dict[str, Json]:
        """For JSON: each table by its title, each row by its label."""
        tables = {
            title: {row: dict(zip(columns, counts, strict=True)) for row, counts in rows.items()}
            for title, columns, rows in self.tables()
        }
        return {"files": self.files, "status": self.status, **tables}


def _natural(label: str) -> list[tuple[int, str]]:
    """Order by the numbers in a label: 9.2 before 10.0."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in label.split(".")]
