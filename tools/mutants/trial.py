"""Shows one change to the tests, in a copy of the repository."""

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
#: Seconds for a stage; a change that makes a reader go round in circles is noticed by that.
_TIMEOUT = 1200.0
_TOO_LONG = "took too long"
#: A real QEMU, or a daemon of libvirt, takes its time, and is late where much else runs.
_QUIET = ("-m", "not qemu and not hostile")
#: What pytest says where a test that noticed another change is gone; of a `conftest.py` that cannot
#: be imported, it says the same.
_NO_TEST = (4, 5)
_IGNORED = (".git", ".venv", "build", "__pycache__", ".*_cache", ".hypothesis", "shared", "*.jsonl")


class OutOfTimeError(Exception):
    """The run has to end before it is known what becomes of a change."""


class BrokenTestError(Exception):
    """A test that fails without any change, so that it can be no witness of one."""


class Mutant(NamedTuple):
    """One change to one file.

    Attributes:
        path: the file, below the root.
        source: a hash of the file without the change.
        code: the line that is changed, without the change.
        change: what is done to it.
    """

    path: str
    source: str
    code: str
    change: Change

    @property
    def name(self) -> str:
        """What tells it from others, as long as the file stays as it is."""
        return f"{self.path}:{self.change.line}:{self.change.start}: {self.change.what}"


def hash_of(text: str) -> str:
    """What tells two states of a file apart."""
    return sha256(text.encode()).hexdigest()[:12]


@dataclass
class Copy:
    """A copy of the repository, in which one change at a time is made.

    Attributes:
        folder: where it is.
        ends: when nothing may run any more, by `time.monotonic`.
        trusted: tests that pass without a change.
    """

    folder: Path
    ends: float = float("inf")
    trusted: set[str] = field(default_factory=set)

    @classmethod
    def made(cls, folder: Path, ends: float = float("inf")) -> "Copy":
        """A new one.

        Raises:
            OSError: there is no room for it.
        """
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_IGNORED))
        return cls(folder, ends)

    def attempt(self, mutant: Mutant, known: Iterable[Row]) -> Row:
        """Make a change, run the tests until one fails, and take the change back.

        Raises:
            OutOfTimeError: not all tests that are needed could run.
            BrokenTestError: the test that failed does so without the change as well.
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
        """What noticed a change, empty if nothing did, and the tests that must pass without it."""
        for tests, profile in stages:
            witness = self._run(tests, profile)
            if witness == _TOO_LONG:
                return witness, []
            if "::" in witness and not self._run([witness], profile):
                continue  # it fails now and then, whatever is changed
            if witness:
                return witness, [witness] if (self.folder / "witness").exists() else tests
        return "", []

    def _trust(self, tests: list[str]) -> None:
        wanted = [test for test in tests if test not in self.trusted]
        if wanted and (witness := self._run(wanted)):
            raise BrokenTestError(f"{' '.join(wanted)}: without a change, {witness} fails")
        self.trusted.update(wanted)

    def _run(self, tests: list[str], profile: str = order.ALL) -> str:
        """Run tests up to the first that fails: which, or how the run ended; empty if none does."""
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
        """That of the tests.

        A module that is compiled within the second, and of the same size, would be taken from where
        it was put before. That an example fails is enough: it need not become a short one. Several
        runs must not tidy up the same folder for temporary files.
        """
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return os.environ | {
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_PROFILE": profile,
            "TMPDIR": str(temporary),
            WITNESS: str(witness),
        }
