"""Interface of a driver: bytes of one structure <-> values by name, and the place of each field."""

from typing import NamedTuple, Protocol

from mappedram.format.typed import Kind, Params, T
from mappedram.format.validity import Scalar


class Span(NamedTuple):
    """Bytes `start` to `end` of one field, counted from the start of its structure."""

    path: str
    start: int
    end: int
    value: Scalar


class RefusalError(Exception):
    """The structure cannot be read: the bytes end within a field, or a field holds a wrong value.

    Attributes:
        kind: name of the structure in the spec.
        path: path of the field, such as `mapped_ram/version`.
        start: first byte of the field, counted from the start of the structure.
        short: whether the bytes end within the field.
        actual: the wrong value; None if the bytes end within the field.
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
        """Name of the driver, as in `mappedram.open(driver=...)`."""

    def parse(self, kind: Kind[T], data: bytes, params: Params) -> tuple[T, int]:
        """Parse the structure `kind` at the start of `data`.

        Returns:
            Its values, and its size in bytes.

        Raises:
            RefusalError: it cannot be read.
        """

    def spans(self, kind: str, data: bytes, params: Params) -> list[Span]:
        """Parse the structure `kind`; return the place of each field, in the order of the bytes.

        Raises:
            RefusalError: it cannot be read.
        """

    def build(self, kind: Kind[T], values: T, params: Params) -> bytes:
        """Build the bytes of a structure from all its fields.

        Raises:
            BuildError: a value is missing, does not fit its field, or must be absent.
        """
