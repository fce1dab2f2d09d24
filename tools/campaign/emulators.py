"""The QEMUs of a campaign."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mappedram.qemu.loader import RELEASES, newest
from tools.campaign.seeds import Seed
from tools.qemu import version

_NAME = re.compile(r"qemu-system-(\w+)")


@dataclass(frozen=True, slots=True)
class Emulator:
    """One binary.

    Attributes:
        binary: its path.
        arch: its target, as in its name.
        version: its own version, such as `10.0.2`.
        release: its release in the model (`mappedram.qemu.loader.RELEASES`).
    """

    binary: Path
    arch: str
    version: str
    release: str

    @classmethod
    def of(cls, binary: Path, release: str | None = None) -> Self:
        """Query a binary.

        Args:
            binary: its name has the target.
            release: a release in the model other than that of its version.

        Raises:
            ValueError: its name has no target, or the model does not know its release.
        """
        name = _NAME.match(binary.name)
        if name is None:
            raise ValueError(f"{binary}: not called qemu-system-ARCH")
        numbers = version(binary)
        row = release_of(numbers) if release is None else newest(release).name
        if row is None:
            raise ValueError(f"{binary}: the model does not know {'.'.join(map(str, numbers))}")
        return cls(binary, name[1], ".".join(map(str, numbers)), row)


def distinct(emulators: Iterable[Emulator]) -> tuple[Emulator, ...]:
    """Return the emulators unchanged.

    Raises:
        ValueError: two have the same target and version, so their results could not be
            distinguished.
    """
    found = tuple(emulators)
    keys = [(one.arch, one.version) for one in found]
    if len(set(keys)) < len(keys):
        raise ValueError("two of the binaries have the same target and version")
    return found


def saver_of(seed: Seed, emulator: Emulator, emulators: Sequence[Emulator]) -> Emulator:
    """The emulator that saves the files that another loads: the first of its target, or itself."""
    if seed.own:
        return emulator
    return next(one for one in emulators if one.arch == emulator.arch)


def release_of(numbers: Iterable[int | str]) -> str | None:
    """The release in the model for a QEMU of that version; None if there is none."""
    full = ".".join(map(str, numbers))
    if full in RELEASES:
        return full
    try:
        return newest(full.rpartition(".")[0]).name
    except KeyError:
        return None
