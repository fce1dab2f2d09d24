"""Results of changes: a file with a line of JSON for each."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One change.

    Attributes:
        name: place and description of the change, such as `mappedram/stream/regions.py:14:605: 2 ->
            3`.
        source: hash of the changed file; its changes differ in other states.
        code: the original line.
        noticed: whether a test failed.
        witness: the test that failed, or the file that could not be imported; empty if none.
        seconds: time that it took.
    """

    name: str
    source: str
    code: str
    noticed: bool
    witness: str
    seconds: float

    @property
    def path(self) -> str:
        """The changed file."""
        return self.name.partition(":")[0]

    @property
    def line(self) -> int:
        """Number of the changed line."""
        return int(self.name.split(":")[1])

    @property
    def words(self) -> str:
        """Description of the change, which stays the same if lines move."""
        return self.name.split(":", 3)[3].strip()

    def text(self) -> str:
        """The line of JSON."""
        return json.dumps(asdict(self)) + "\n"


def read(paths: Iterable[Path]) -> dict[str, Row]:
    """Results of changes by name; the last one of repeated changes."""
    return {row.name: row for path in paths if path.exists() for row in _rows(path)}


def _rows(path: Path) -> Iterator[Row]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield Row(**json.loads(line))
