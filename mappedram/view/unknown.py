"""Memory that a file does not tell, for JSON."""

from collections.abc import Iterable, Iterator

from mappedram.json_types import Json
from mappedram.stream.coverage import NOT_LISTED, Coverage


def as_dicts(unknown: Iterable[Coverage]) -> Iterator[dict[str, Json]]:
    """The ranges for JSON; `idstr` is null for blocks without a header in the file."""
    for coverage in unknown:
        for one in coverage.ranges():
            yield {
                "idstr": one.idstr if one.idstr != NOT_LISTED else None,
                "offset": one.offset,
                "length": one.size,
                "reason": one.reason,
            }
