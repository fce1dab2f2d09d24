"""What a check says: one finding for each defect, with its place in the file."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

from mappedram.format.judged import Severity as Severity  # rules about a field have one there
from mappedram.json_types import Json


class Place(NamedTuple):
    """Bytes of the file, and what stands there."""

    offset: int | None
    length: int | None
    path: str


@dataclass(frozen=True, slots=True)
class Defect:
    """What a rule yields: a finding that does not yet say whose it is."""

    message: str
    place: Place
    expected: str | None = None
    actual: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect, or one notable thing, at one place.

    Attributes:
        code: stable code of the rule, such as `MR201`.
        name: name of the rule, such as `pages-offset-unaligned`.
        severity: what it means for loading.
        message: one sentence, printable.
        offset: first byte of the file that is to blame; None where there is no such byte.
        length: how many bytes are to blame; None where that is not known.
        path: place in the structure, such as `/ram/blocks[0]/mapped_ram/pages_offset`.
        expected: what the format calls for, in short.
        actual: what stands there, in short.
        decompressed: whether the file holds these bytes compressed: `offset` then counts from the
            beginning of what was decompressed.
    """

    code: str
    name: str
    severity: Severity
    message: str
    offset: int | None
    length: int | None
    path: str
    expected: str | None
    actual: str | None
    decompressed: bool = False

    def __repr__(self) -> str:
        place = "" if self.offset is None else f" at {self.offset:#x}"
        path = self.path and f" {self.path}"
        return f"<Finding {self.code} {self.severity}{place}{path}: {self.message}>"

    def to_dict(self) -> dict[str, Json]:
        """The finding for JSON, with its keys in the order of the attributes."""
        return asdict(self)
