"""Detect writes outside a test's own places, through the interpreter's audit events."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.hermetic import DECLARED

#: Folders in the checkout that tools may write to: the caches in .gitignore.
CACHES = {"__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
#: The argument of an event that names the changed file, and the one with its base folder.
_CHANGES = {
    "os.link": (1, 3),
    "os.mkdir": (0, 2),
    "os.remove": (0, 1),
    "os.rename": (1, 3),
    "os.rmdir": (0, 1),
    "os.symlink": (1, 2),
    "os.truncate": (0, None),
}


class Watch:
    """Records writes of this process outside given places. There can be only one."""

    def __init__(self, *places: Path) -> None:
        declared = (Path(os.environ[name]) for name in DECLARED if name in os.environ)
        self._places = [os.path.realpath(place) for place in (*places, *declared)]
        self._noted: list[str] | None = None
        sys.addaudithook(self._hear)

    @contextmanager
    def noted(self) -> Iterator[list[str]]:
        """Writes elsewhere in the block: the kind of event and the path."""
        noted: list[str] = []
        self._noted = noted
        try:
            yield noted
        finally:
            self._noted = None

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if self._noted is None:
            return
        if event == "open":
            path, _, flags = args
            if not isinstance(flags, int) or not flags & _WRITES:
                return
        elif event in _CHANGES:
            which, folder = _CHANGES[event]
            path = args[which]
            if folder is not None and args[folder] != -1:
                return
        else:
            return
        if not isinstance(path, int) and not self._may(os.fsdecode(path)):
            self._noted.append(f"{event} {os.fsdecode(path)}")

    def _may(self, path: str) -> bool:
        if path.startswith(("/dev/", "/proc/")):
            return True
        real = os.path.realpath(path)
        if not CACHES.isdisjoint(real.split(os.sep)):
            return True
        return any(real == place or real.startswith(f"{place}/") for place in self._places)
