"""Facts about a file that decide which commands help with its findings."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

#: How much of guest memory is in a file.
Known = Literal["none", "part", "all"]


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about a file; the defaults hold for one that cannot be read at all.

    Attributes:
        name: name of the file.
        offset: where the stream, or the save image of libvirt around it, was looked for.
        chosen: id of the snapshot in a disk image; None for any other file.
        in_image: whether a save image of libvirt is there.
        known: whether all guest memory is in the file, only a part of it, or none.
        complete: whether the stream was followed to its end.
        cured: findings that a repair removes, as codes and paths.
        repairable: whether a repair changes anything.
        elsewhere: where a stream begins, if none is at `offset`.
        advice: what to do with a file of another format.
    """

    name: str = ""
    offset: int = 0
    chosen: str | None = None
    in_image: bool = False
    known: Known = "none"
    complete: bool = False
    cured: Collection[tuple[str, str]] = field(default_factory=frozenset)
    repairable: bool = False
    elsewhere: int | None = None
    advice: str | None = None
