"""Run the tests on one change, in a copy of the repository."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tools.mutants import order
from tools.mutants.change import Change
from tools.mutants.results import Row
from tools.mutants.witness import WITNESS

ROOT = Path(__file__).resolve().parents[2]
#: Limit of a stage, in seconds; it notices changes that make a reader loop forever.
_TIMEOUT = 1200.0
_TOO_LONG = "took too long"
#: Without a real QEMU or libvirt, which are slow and time out on a busy machine.
_QUIET = ("-m", "not qemu and not hostile")
#: Exit statuses of pytest if a witness of another change no longer exists; also if `conftest.py`
#: cannot be imported.
_NO_TEST = (4, 5)
_IGNORED = (".git", ".venv", "build", "__pycache__", ".*_cache", ".hypothesis", "shared", "*.jsonl")


class OutOfTimeError(Exception):
    """The time limit was reached before the result of a change is known."""


class BrokenTestError(Exception):
    """A test fails without any change, so it cannot be a witness."""


class Mutant(NamedTuple):
    """One change to one file.

    Attributes:
        path: the file, below the root.
        source: hash of the file without the change.
        code: the original line.
        change: the change.
    """

    path: str
    source: str
    code: str
    change: Change

    @property
    def name(self) -> str:
        """Name that identifies it as long as the file does not change."""
        return f"{self.path}:{self.change.line}:{self.change.start}: {self.change.what}"


def hash_of(text: str) -> str:
    """Hash that identifies the state of a file."""
    return sha256(text.encode()).hexdigest()[:12]


@dataclass
class Copy:
    """A copy of the repository, in which one change at a time is made.

    Attributes:
        folder: its folder.
        ends: time limit of all runs, as `time.monotonic`.
        trusted: tests that pass without a change.
    """

    folder: Path
    ends: float = float("inf")
    trusted: set[str] = field(default_factory=set)

    @classmethod
    def made(cls, folder: Path, ends: float = float("inf")) -> "Copy":
        """Make a copy.

        Raises:
            OSError: there is no space for it.
        """
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_IGNORED))
        return cls(folder, ends)

    def attempt(self, mutant: Mutant, known: Iterable[Row]) -> Row:
        """Make a change, run the tests until one fails, and revert the change.

        Raises:
            OutOfTimeError: not all needed tests could run.
            BrokenTestError: the test that failed also fails without the change.
        """
        target = self.folder / mutant.path
        original = target.read_text(encoding="utf-8")
        began = time.monotonic()
        target.write_text(mutant.change.applied(original), encoding="utf-8")
        try:
            witness, behind = self._witness(order.stages(mutant.path, mutant.change.line, known))
        finally:
            target.write_text(original, encoding="utf-8")
        seconds = round(time.monotonic() - began, 1)
        self._trust(behind)
        noticed = bool(witness)
        return Row(mutant.name, mutant.source, mutant.code, noticed, witness, seconds)

    def _witness(self, stages: Iterable[order.Stage]) -> tuple[str, list[str]]:
        """Witness of a change, empty if there is none, and the tests that must pass without it."""
        for tests, profile in stages:
            witness = self._run(tests, profile)
            if witness == _TOO_LONG:
                return witness, []
            if "::" in witness and not self._run([witness], profile):
                continue  # a flaky test, whatever is changed
            if witness:
                return witness, [witness] if (self.folder / "witness").exists() else tests
        return "", []

    def _trust(self, tests: list[str]) -> None:
        wanted = [test for test in tests if test not in self.trusted]
        if wanted and (witness := self._run(wanted)):
            raise BrokenTestError(f"{' '.join(wanted)}: without a change, {witness} fails")
        self.trusted.update(wanted)

    def _run(self, tests: list[str], profile: str = order.ALL) -> str:
        """Run tests up to the first failure; return it, or how the run ended, or empty."""
        witness = self.folder / "witness"
        witness.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *_QUIET]
        left = self.ends - time.monotonic()
        try:
            done = subprocess.run(
                [*command, "-p", "tools.mutants.witness", *tests],
                cwd=self.folder,
                env=self._environment(witness, profile),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=max(0.0, min(_TIMEOUT, left)),
                check=False,
            )
        except subprocess.TimeoutExpired:
            if left < _TIMEOUT:
                raise OutOfTimeError from None
            return _TOO_LONG
        if witness.exists():
            return witness.read_text(encoding="utf-8")
        if done.returncode == 0 or (done.returncode in _NO_TEST and "::" in "".join(tests)):
            return ""
        return f"pytest ended with {done.returncode}"

    def _environment(self, witness: Path, profile: str) -> Mapping[str, str]:
        """Environment of the tests.

        Bytecode is disabled: a module of the same size, changed within the same second, would use
        the old bytecode. Failing examples are not shrunk. Concurrent runs must not clean up the
        same folder for temporary files.
        """
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return os.environ | {
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_PROFILE": profile,
            "TMPDIR": str(temporary),
            WITNESS: str(witness),
        }
