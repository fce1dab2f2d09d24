"""What structures hold, as types: the kind of a structure says which fields its values have.

Values are plain dicts. `mappedram.format.structures` declares them, one `TypedDict` for each kind.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")

#: What a field of any structure holds, and what a part of a file that is to be built consists of:
#: a range stands for bytes that have a place already.
Value: TypeAlias = int | str | bytes | range | Sequence["Value"] | Mapping[str, "Value"] | None
#: Fields by name in QEMU's spelling, of whichever structure.
Fields: TypeAlias = Mapping[str, Value]
#: What the stream around a structure says of it, such as `has_mapped_ram` or a page size.
Params: TypeAlias = Mapping[str, int]


class Kind(str, Generic[T]):
    """Name of a structure in the spec, whose values have the type `T`."""

    __slots__ = ()


class View(Generic[T]):
    """The fields of a structure as attributes; subclasses say where its values are."""

    __slots__ = ()

    @property
    def values(self) -> T:
        """The fields by name."""
        raise NotImplementedError
