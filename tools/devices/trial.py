"""One case: save the guest, run what `restore-hint` prints, and see it load."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from mappedram.cli.main import main as mappedram
from tools.devices.cases import Case
from tools.devices.results import Row
from tools.qemu import Machine, QemuDiedError, QemuError

#: Limit of a save, a load or a command, in seconds.
TIMEOUT = 60.0
#: Longest message in the results.
_SAID_MAX = 200
_SOCKET = "swtpm.sock"
_CRASHES_MAX = 5
#: Lines that are not the reason.
_NOISE = re.compile(r"warning:|^--- |^\(note|^You can")


def run(case: Case, binary: Path, folder: Path) -> Row:
    """Try one case, with its files in a new folder below `folder`.

    Returns:
        `saved`: `completed`, or why QEMU does not create or save the guest;
        `loaded`: `completed`, or why not;
        `not_covered`: what `restore-hint` names as such;
        `added`: number of sections and blocks that options account for.
    """
    with TemporaryDirectory(dir=folder, prefix="devices-") as own:
        return _Trial(case, binary, Path(own)).run()


class _Trial:
    """A case, and the folder where its emulators run."""

    def __init__(self, case: Case, binary: Path, folder: Path) -> None:
        self.case = case
        self.binary = binary
        self.folder = folder
        self.path = folder / "saved.mapped-ram"

    def run(self) -> Row:
        row: Row = {"name": self.case.name}
        try:
            self.save()
        except (QemuError, OSError, subprocess.SubprocessError) as error:
            return row | {"saved": _said(error)}
        row["saved"] = "completed"
        hint = self.hint()
        row["not_covered"] = [
            f"{one['kind']} {one['idstr']}" for one in hint.get("not_covered", [])
        ]
        options = hint.get("options", [])
        row["added"] = sum(len(option["covers"]) for option in options)
        row["options"] = [option["option"] for option in options if option["argv"][-2] == "-device"]
        try:
            self.load_again(hint)
        except (QemuError, OSError, subprocess.SubprocessError) as error:
            row |= {"loaded": _said(error), "again": self.again()}
        else:
            row["loaded"] = "completed"
        return row

    def again(self) -> str:
        """Whether QEMU loads the file with the options that it was saved with."""
        try:
            with self.tpm() as socket:
                args = shlex.split(self.case.args.replace("{swtpm}", shlex.quote(str(socket))))
                with self.machine(["-accel", "tcg", *args, "-incoming", "defer"]) as machine:
                    machine.load(self.path, timeout=TIMEOUT)
        except (QemuError, OSError, subprocess.SubprocessError) as error:
            return _said(error)
        return "completed"

    def save(self) -> None:
        """Save the guest, which never ran."""
        with self.tpm() as socket:
            args = shlex.split(self.case.args.replace("{swtpm}", shlex.quote(str(socket))))
            with self.machine(["-accel", "tcg", *args]) as machine:
                machine.save(self.path, timeout=TIMEOUT)

    def hint(self) -> Row:
        """What `restore-hint` prints."""
        # In this process: starting one takes longer than all else.
        printed = io.StringIO()
        with redirect_stdout(printed):
            status = mappedram(["restore-hint", "--output", "json", str(self.path)])
        if status:
            raise RuntimeError(f"{self.case.name}: restore-hint ended with status {status}")
        found: Row = json.loads(printed.getvalue())
        return found

    def load_again(self, hint: Row) -> None:
        """Load the file, and try again if QEMU crashes: isa-vga does, once in several loads."""
        for left in reversed(range(_CRASHES_MAX)):
            try:
                self.load(hint)
            except QemuDiedError as error:
                if error.returncode >= 0 or not left:
                    raise
            else:
                return

    def load(self, hint: Row) -> None:
        """Run the printed commands in a folder of their own."""
        folder = self.folder / "load"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.binary = self.binary.with_name(hint["binary"] or self.binary.name)
        with _ended(folder):
            for command in hint["prepare"]:
                own = [sys.executable, "-m"] if command[0] == "mappedram" else []
                subprocess.run([*own, *command], check=True, cwd=folder, timeout=TIMEOUT)
            with self.machine(hint["argv"], folder) as machine:
                for command in hint["qmp"][1:]:  # the client has negotiated capabilities already
                    arguments = command.get("arguments", {})
                    if command["execute"] == "migrate-incoming":
                        arguments |= {"exit-on-error": False}
                    machine.qmp(command["execute"], **arguments)
                machine.wait_migrated(TIMEOUT)

    def machine(self, args: list[str], folder: Path | None = None) -> Machine:
        return Machine(self.binary, args, timeout=TIMEOUT, folder=folder or self.folder)

    @contextmanager
    def tpm(self) -> Iterator[Path]:
        """A TPM for a guest that has one."""
        socket = self.folder / _SOCKET
        if "{swtpm}" not in self.case.args:
            yield socket
            return
        state = self.folder / "tpm"
        state.mkdir(exist_ok=True)
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}"]
        command += ["--ctrl", f"type=unixio,path={socket}", "--daemon"]
        with _ended(self.folder):
            subprocess.run(
                [*command, "--pid", f"file={self.folder}/swtpm.pid"], check=True, timeout=TIMEOUT
            )
            yield socket


@contextmanager
def _ended(folder: Path) -> Iterator[None]:
    """End the daemons of TPMs that stand in a folder, whose command line names it."""
    try:
        yield
    finally:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                here = (process / "cwd").resolve() == folder.resolve()
                if words[0] == b"swtpm" and (here or str(folder).encode() in b" ".join(words)):
                    _end(int(process.name))


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def _said(error: Exception) -> str:
    """The last line of a message, without the name of the emulator and of folders."""
    lines = [line for line in str(error).splitlines() if line.strip() and not _NOISE.search(line)]
    told = lines[-1] if lines else type(error).__name__
    if told.startswith("qemu-system-"):
        told = told.partition(": ")[2]
    return told[:_SAID_MAX]
