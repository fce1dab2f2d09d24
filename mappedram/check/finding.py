"""Findings: one for each defect, with its place in the file."""

from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from mappedram.format.judged import Severity as Severity  # rules about a field have one there
from mappedram.json_types import Json


class Place(NamedTuple):
    """A range of bytes in the file, and the path of the structure there."""

    offset: int | None
    length: int | None
    path: str


@dataclass(frozen=True, slots=True)
class Defect:
    """The output of a rule: a finding without the code of the rule."""

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
        severity: effect on loading.
        message: one sentence, printable.
        offset: first wrong byte in the file; None if there is no such byte.
        length: number of wrong bytes; None if unknown.
        path: place in the structure, such as `/ram/blocks[0]/mapped_ram/pages_offset`.
        expected: the value that the format requires, in short.
        actual: the value in the file, in short.
        decompressed: whether the bytes are compressed in the file; `offset` is then relative to
            the start of the decompressed stream.
        remedy: what to do next, in one line; commands are in backticks, and work on this file.
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
    remedy: str = field(default="", compare=False)  # the same defect in another file

    def __repr__(self) -> str:
        place = "" if self.offset is None else f" at {self.offset:#x}"
        path = self.path and f" {self.path}"
        return f"<Finding {self.code} {self.severity}{place}{path}: {self.message}>"

    def to_dict(self) -> dict[str, Json]:
        """The finding for JSON, with its keys in the order of the attributes."""
        return asdict(self)
