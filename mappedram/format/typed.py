"""Types of the values of structures: the kind of a structure determines its fields.

Values are plain dicts. `mappedram.format.structures` declares them, one `TypedDict` for each kind.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")

#: Value of a field, or of a part of a file being built; a range refers to existing bytes.
Value: TypeAlias = int | str | bytes | range | Sequence["Value"] | Mapping[str, "Value"] | None
#: Fields of any structure, by name in QEMU's spelling.
Fields: TypeAlias = Mapping[str, Value]
#: Parameters of a structure from the stream around it, such as `has_mapped_ram` or a page size.
Params: TypeAlias = Mapping[str, int]


class Kind(str, Generic[T]):
    """Name of a structure in the spec; its values have the type `T`."""

    __slots__ = ()


class View(Generic[T]):
    """Fields of a structure as attributes; subclasses define the source of the values."""

    __slots__ = ()

    @property
    def values(self) -> T:
        """The fields by name."""
        raise NotImplementedError
