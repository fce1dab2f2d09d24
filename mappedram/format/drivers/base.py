"""What a driver does: bytes of one structure <-> values by name, and where each field lies."""

from dataclasses import dataclass
from typing import Protocol

from mappedram.format.typed import Kind, Params, T
from mappedram.format.validity import Scalar


@dataclass(frozen=True, slots=True)
class Span:
    """One field of a structure: bytes `start` to `end`, counted from the start of the structure."""

    path: str
    start: int
    end: int
    value: Scalar


class RefusalError(Exception):
    """The structure cannot be read: the bytes end within a field, or a field holds a wrong value.

    Attributes:
        kind: name of the structure in the spec.
        path: the field, such as `mapped_ram/version`.
        start: first byte of the field, counted from the start of the structure.
        short: whether the bytes end within the field.
        actual: the wrong value; None where the bytes end.
    """

    def __init__(
        self, kind: str, path: str, start: int, *, short: bool, actual: Scalar | None
    ) -> None:
        super().__init__(f"{kind}: {path}")
        self.kind = kind
        self.path = path
        self.start = start
        self.short = short
        self.actual = actual


class Driver(Protocol):
    """Reads and writes one structure at a time; knows nothing of files."""

    @property
    def name(self) -> str:
        """Name by which `mappedram.open(driver=...)` asks for it."""

    def parse(self, kind: Kind[T], data: bytes, params: Params) -> tuple[T, int]:
        """Read the structure `kind` from the start of `data`; also say how many bytes it takes.

        Raises:
            RefusalError: it cannot be read.
        """

    def spans(self, kind: str, data: bytes, params: Params) -> list[Span]:
        """Where each field of the structure lies, in the order of the bytes.

        Raises:
            RefusalError: it cannot be read.
        """

    def build(self, kind: Kind[T], values: T, params: Params) -> bytes:
        """The bytes of a structure, given all its fields.

        Raises:
            BuildError: a value is missing, does not fit its field, or must not stand there.
        """
