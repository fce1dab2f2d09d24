"""The machine types that an installed QEMU lists with `-machine help`."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_VERSION = re.compile(r"version (\d+\.\d+)\.\d+")
_PREFIX = "qemu-system-"
#: An alias is another name of the next line, whose name QEMU writes into a snapshot.
_ALIAS = "(alias of "


@dataclass(frozen=True)
class Listed:
    """One binary.

    Attributes:
        binary: its path.
        target: its target in QEMU's terms, such as `x86_64`.
        release: such as `10.0`.
        machines: the names of its machine types.
    """

    binary: Path
    target: str
    release: str
    machines: frozenset[str]

    @classmethod
    def of(cls, binary: Path) -> Self:
        """Query a binary.

        Raises:
            OSError, subprocess.SubprocessError: it does not run.
            ValueError: it does not print its version.
        """
        version = _VERSION.search(_output(binary, "--version"))
        if version is None:
            raise ValueError(f"{binary} does not tell its version")
        _, *lines = _output(binary, "-machine", "help").splitlines()
        names = frozenset(line.split()[0] for line in lines if _ALIAS not in line)
        return cls(binary, binary.name.rpartition(_PREFIX)[2], version[1], names)


def at_hand() -> list[Path]:
    """The system emulators in PATH, each once."""
    folders = map(Path, os.get_exec_path())
    return sorted({path.resolve() for folder in folders for path in folder.glob(f"{_PREFIX}*")})


def _output(binary: Path, *options: str) -> str:
    return subprocess.run(
        [binary, *options], check=True, stdout=subprocess.PIPE, text=True, timeout=60
    ).stdout
