"""One case: save, load with the same QEMU, compare, and judge with `check`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mappedram
from mappedram.check import check
from mappedram.errors import MappedRamError, UnknownPagesError
from tools.qemu import (
    CommandFailedError,
    Machine,
    MigrationFailedError,
    QemuDiedError,
    QemuError,
    QemuTimeoutError,
)
from tools.qemu.firmware import FIRMWARE
from tools.sweep import memory
from tools.sweep.cases import SETTINGS, Case
from tools.sweep.guests import COMMON, LARGEST

#: Limit of a save or a load, in seconds; some combinations never end.
TIMEOUT = 20.0

_PAUSED = "pre-switchover"
_ENDED = {"completed", "failed", "cancelled", "colo", _PAUSED}

Row = dict[str, Any]
#: A digest of the memory of each block, by `idstr`.
Digests = Mapping[str, str]


@dataclass
class Trial:
    """A case, and its results so far."""

    case: Case
    binary: Path
    folder: Path

    @property
    def path(self) -> Path:
        """The saved file."""
        return self.folder / "saved"

    @property
    def left_out(self) -> frozenset[str]:
        """The blocks whose memory stays in a shared file."""
        ignored = self.case.guest.shared and "x-ignore-shared" in self.case.capabilities
        return frozenset(self.case.guest.filled if ignored else ())

    def run(self) -> Row:
        """Run all steps; return the result of each.

        Returns:
            `saved` and `loaded`: `completed`, or how it ended otherwise, with QEMU's message in
            `said`;
            `memory`: whether all blocks were restored; `reader`: whether `mappedram` reads the
            same;
            `verdict` and `codes`: the result of `check`.
        """
        row: Row = {"name": self.case.name}
        before = self._save(row)
        if not self.path.exists() or not self.path.stat().st_size > self.case.offset:
            return row | {"loaded": "no file"}
        after = self._load(row)
        self._judge(row)
        self._compare(row, before, after)
        return row

    def _save(self, row: Row) -> Digests:
        """Save; return digests of the memory at that time, or none if it kept changing."""
        guest, before = self.case.guest, {}
        in_background = "background-snapshot" in self.case.capabilities
        with _outcome(row, "saved"), self._machine() as machine:
            memory.fill(machine, guest.filled)
            if guest.bitmap:
                machine.qmp("block-dirty-bitmap-add", node="disk0", name="bitmap0")
            before = {} if guest.live else memory.digests(machine)
            if guest.live or in_background:
                machine.qmp("cont")  # QEMU aborts in the background if the guest never ran
            self.path.write_bytes(b"#" * self.case.offset)
            self._migrate(machine, "migrate")
            if guest.live and not in_background:
                before = memory.digests(machine)
        return before

    def _load(self, row: Row) -> Digests:
        """Load the file in another machine; return digests of its memory if it loads."""
        after: dict[str, str] = {}
        with _outcome(row, "loaded"), self._machine(incoming=True) as machine:
            self._migrate(machine, "migrate-incoming")
            after.update(memory.digests(machine))
        return after

    def _judge(self, row: Row) -> None:
        report = check(self.path, self.case.offset)
        errors = {finding.code for finding in report.findings if finding.severity != "info"}
        row["verdict"] = str(report.verdict)
        row["codes"] = sorted({finding.code for finding in report.findings})
        row["errors"] = sorted(errors)
        row["model"] = {
            release: [verdict.outcome, *verdict.because] for release, verdict in report.qemu.items()
        }

    def _compare(self, row: Row, before: Digests, after: Digests) -> None:
        """Compare the memory that QEMU restored, and the memory that `mappedram` reads.

        If the saved memory is unknown, compare them with each other.
        """
        if self.case.way == "devices":  # Xen keeps memory elsewhere
            if after:
                row["memory"] = "right"
            return
        own: Digests = {}
        try:
            own = self._read()
            row["reader"] = _told(own, before or after)
        except MappedRamError as error:
            row["reader"] = f"{type(error).__name__}: {error}"
        if after and (before or own):
            row["memory"] = _told(before or own, after)

    def _read(self) -> Digests:
        """Digests of the memory in the file, by our reader.

        Raises:
            MappedRamError: it cannot be read.
        """
        with mappedram.open(self.path, self.case.offset) as snapshot:
            return {
                block.idstr: memory.digest_of(block)
                for block in snapshot.blocks
                if block.used_length <= LARGEST and block.idstr not in self.left_out | memory.BEYOND
            }

    def _machine(self, *, incoming: bool = False) -> Machine:
        """A machine of that kind; machines with shared memory use the same file."""
        case = self.case
        for name, image in FIRMWARE.items():
            (self.folder / name).write_bytes(image)
        keep = incoming and "x-ignore-shared" in case.capabilities
        if case.guest.shared and not keep:
            (self.folder / "shared").unlink(missing_ok=True)
        args = COMMON + case.guest.args.format(dir=shlex.quote(str(self.folder)))
        args += " " + SETTINGS[case.setting]
        return Machine(self.binary, shlex.split(args), incoming=incoming, timeout=TIMEOUT)

    def _migrate(self, machine: Machine, command: str) -> None:
        case = self.case
        if case.way == "devices" and command == "migrate":
            machine.qmp("xen-save-devices-state", filename=str(self.path), live=True)
            return
        # xen-load-devices-state uses the same loader, then crashes without Xen: E-056.
        machine.configure(case.capabilities, case.parameters)
        uri = f"file:{self.path}" + (f",offset={case.offset}" if case.offset else "")
        more = {"exit_on_error": False} if command == "migrate-incoming" else {}
        machine.qmp(command, uri=uri, **more)
        _wait(machine)


def run(case: Case, binary: Path, folder: Path) -> Row:
    """Try one case, with its files in a new folder below `folder`."""
    with TemporaryDirectory(dir=folder, prefix="sweep-") as own:
        return Trial(case, binary, Path(own)).run()


def is_false_alarm(row: Row) -> bool:
    """Whether `check` reports an error in a file that QEMU loads with the right memory."""
    return row.get("memory") == "right" and row.get("verdict") not in ("clean", "harmless")


def is_misread(row: Row) -> bool:
    """Whether `mappedram` silently reads other memory than QEMU.

    It is not silent if it reports unknown pages.
    """
    reader = row.get("reader", "right")
    told = reader == "right" or reader.startswith(UnknownPagesError.__name__)
    return row.get("memory") == "right" and not told


def is_missed(row: Row) -> bool:
    """Whether `check` reports nothing about a file that QEMU itself does not restore.

    The saved memory of a guest that kept running may be unknown, which is no failure.
    """
    return (
        row.get("saved") == "completed"
        and (row["loaded"] != "completed" or row.get("memory", "right") != "right")
        and row.get("verdict") in ("clean", "harmless")
    )


def _wait(machine: Machine) -> None:
    """Wait for the end of a migration; tell it to go on if it waits for that.

    Raises:
        MigrationFailedError: it did not complete.
    """
    while True:
        machine.wait_until(lambda: _status(machine) in _ENDED, "migrate", TIMEOUT)
        status = _status(machine)
        if status != _PAUSED:
            break
        with suppress(CommandFailedError):  # it went on by itself
            machine.qmp("migrate-continue", state=_PAUSED)
        machine.wait_until(lambda: _status(machine) != _PAUSED, "migrate-continue", TIMEOUT)
    if status != "completed":
        reason = machine.migration().get("error-desc", "no reason given")
        raise MigrationFailedError(f"migration {status}: {reason}", machine.stderr)


def _status(machine: Machine) -> object:
    return machine.migration().get("status")


def _told(wanted: Digests, found: Digests) -> str:
    """Describe whether all expected blocks are right."""
    differing = sorted(idstr for idstr in wanted if wanted[idstr] != found.get(idstr))
    return "wrong: " + ", ".join(differing) if differing else "right"


@contextmanager
def _outcome(row: Row, step: str) -> Iterator[None]:
    """Record the result of a step."""
    try:
        yield
    except QemuError as error:
        row[step] = next(word for kind, word in _WORDS if isinstance(error, kind))
        row[f"{step}_said"] = " ".join(str(error).split())[:_SAID_MAX]
    else:
        row[step] = "completed"


_SAID_MAX = 300
_WORDS: tuple[tuple[type[QemuError], str], ...] = (
    (CommandFailedError, "refused"),
    (MigrationFailedError, "failed"),
    (QemuDiedError, "crashed"),
    (QemuTimeoutError, "hangs"),
    (QemuError, "failed"),
)
