"""Exceptions of this package."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple, Self

from mappedram.printable import plural

#: Number of existing names in a message.
_NAMES_SHOWN = 16


class MappedRamError(Exception):
    """Base of all errors of this package. `OSError` from the system is raised unchanged.

    Attributes:
        filename: the file concerned, as in `OSError`; None if it need not be named.
    """

    def __init__(self, *args: object, filename: str | None = None) -> None:
        super().__init__(*args)
        self.filename = filename


class FormatError(MappedRamError, ValueError):
    """The bytes cannot be followed.

    Attributes:
        msg: what is wrong, in one sentence.
        offset: offset of the field in the file, or None.
        length: bytes of the field; None if unknown.
        path: place in the structure, such as `/ram/blocks[0]/mapped_ram/version`.
        expected: what the format requires there, in words, or None.
        actual: the value found there, or None.
    """

    def __init__(
        self,
        msg: str,
        *,
        offset: int | None = None,
        path: str = "",
        expected: str | None = None,
        actual: object = None,
        length: int | None = None,
    ) -> None:
        super().__init__(msg)
        self.msg = msg
        self.offset = offset
        self.path = path
        self.expected = expected
        self.actual = actual
        self.length = length

    def __str__(self) -> str:
        place = [f"at {self.offset:#x}"] if self.offset is not None else []
        place += [self.path] if self.path else []
        return f"{self.msg} ({', '.join(place)})" if place else self.msg

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class TruncatedError(FormatError):
    """The file ends before the stream does."""


class UnsupportedError(FormatError):
    """Not a file, or not a version of the format, that this package handles."""


class ChangedError(MappedRamError):
    """A remote file was changed or replaced while it was read; nothing of it can be trusted."""


class UnknownRange(NamedTuple):
    """Guest memory that a file does not have.

    Attributes:
        idstr: name of the block.
        offset: first byte within the block.
        size: number of bytes.
        reason: why it is unknown; the value of a `mappedram.stream.coverage.Reason`.
    """

    idstr: str
    offset: int
    size: int
    reason: str


class UnknownPagesError(FormatError):
    """Pages with unknown contents were requested."""

    def __init__(self, msg: str, ranges: Callable[[], Iterable[UnknownRange]]) -> None:
        super().__init__(msg)
        self._ranges = ranges

    @cached_property
    def ranges(self) -> tuple[UnknownRange, ...]:
        """All unknown ranges of the request, block by block."""
        return tuple(self._ranges())


class BuildError(MappedRamError, ValueError):
    """The caller's values cannot be written: no file can have them."""


class BackingError(BuildError):
    """A file is given for a block that the snapshot does not leave out, or does not have."""


class UnknownNameError(MappedRamError, KeyError):
    """A name, path or code that does not exist. It is also a `KeyError`.

    Attributes:
        kind: kind of the object, such as `block`.
        name: the unknown name.
        known: all existing names.
    """

    def __init__(self, kind: str, name: object, known: Iterable[object]) -> None:
        super().__init__(name)
        self.kind = kind
        self.name = name
        self.known = tuple(known)

    def __str__(self) -> str:
        if not self.known:
            return f"no {self.kind} {self.name!r}; there is none at all"
        shown = ", ".join(map(repr, self.known[:_NAMES_SHOWN]))
        more = len(self.known) - _NAMES_SHOWN
        return f"no {self.kind} {self.name!r}; there are {shown}" + (
            f" and {more} more" if more > 0 else ""
        )

    def __reduce__(self) -> tuple[type[Self], tuple[str, object, tuple[object, ...]]]:
        return type(self), (self.kind, self.name, self.known)


class SnapshotChoiceError(MappedRamError, LookupError):
    """A disk image has no such snapshot, or several to choose from.

    Attributes:
        name: the id or name that was asked for; None if none was.
        known: the snapshots there are, each by name and id.
    """

    def __init__(self, name: str | None, known: Iterable[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known = tuple(known)

    def __str__(self) -> str:
        shown = ", ".join(self.known[:_NAMES_SHOWN]) or "none"
        more = len(self.known) - _NAMES_SHOWN
        listed = f"{shown} and {more} more" if more > 0 else shown
        if self.name is None:
            return f"the image has several snapshots with the state of a guest: {listed}"
        return f"no snapshot {self.name!r}; there is {listed}"

    def __reduce__(self) -> tuple[type[Self], tuple[str | None, tuple[str, ...]]]:
        return type(self), (self.name, self.known)


class OutOfRangeError(MappedRamError, ValueError, IndexError):
    """An offset, address or size out of range. It is also a `ValueError` and an `IndexError`."""


class NotModelledError(MappedRamError):
    """The behaviour of a release of QEMU, or of a destination, with such a file is unknown."""


class CheckFailedError(MappedRamError):
    """`check(..., strict=True)` has findings; `findings` has all of them."""

    def __init__(self, findings: tuple[object, ...]) -> None:
        super().__init__(plural(len(findings), "finding"))
        self.findings = findings
