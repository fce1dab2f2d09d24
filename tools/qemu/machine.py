"""One QEMU process, controlled through QMP, that ends with its `with` block."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from qemu.qmp import ExecuteError, QMPClient, QMPError

MAPPED_RAM = ("mapped-ram",)

_T = TypeVar("_T")

_POLL_INTERVAL = 0.01
_ENDED = {"completed", "failed", "cancelled"}


class QemuError(Exception):
    """An error of QEMU; the text ends with QEMU's standard error."""

    def __init__(self, message: str, stderr: str = "") -> None:
        super().__init__(f"{message}\n--- QEMU's standard error:\n{stderr}" if stderr else message)
        self.stderr = stderr


class CommandFailedError(QemuError):
    """QEMU answered a command with an error."""


class MigrationFailedError(QemuError):
    """A migration, outgoing or incoming, did not complete."""


class QemuTimeoutError(QemuError):
    """QEMU is alive but did not finish in time."""


class QemuDiedError(QemuError):
    """QEMU has exited; `returncode` is negative if a signal ended it, as in `subprocess`."""

    def __init__(self, returncode: int, stderr: str) -> None:
        super().__init__(f"QEMU ended with status {returncode}", stderr)
        self.returncode = returncode


#: `tools/qemu/install-newer` installs the newest QEMU here.
NEWER = Path("/opt/mappedram-qemu")
#: `tools/qemu/install-older` installs QEMU 7.2 here.
OLDER = Path("/opt/mappedram-qemu-7.2")


def find(arch: str = "x86_64", *, beside: Path | None = None) -> Path | None:
    """Return the QEMU system emulator for `arch`, or None if there is none.

    Args:
        arch: The architecture, as QEMU calls it.
        beside: A folder to use instead of PATH.
    """
    found = shutil.which(f"qemu-system-{arch}", path=str(beside) if beside else None)
    return Path(found) if found else None


def version(binary: Path) -> tuple[int, int, int]:
    """Return the version of `binary`, for example (10, 0, 2)."""
    run = subprocess.run(
        [binary, "--version"], check=True, capture_output=True, text=True, timeout=30
    )
    match = re.search(r"version (\d+)\.(\d+)\.(\d+)", run.stdout)
    if not match:
        raise QemuError(f"{binary} does not tell its version: {run.stdout!r}")
    major, minor, micro = map(int, match.groups())
    return major, minor, micro


class Machine:
    """A QEMU process whose guest is stopped until it is told to continue.

    The process starts on entering the `with` block and is killed on leaving it, whatever happened.
    There is no guest output and no default device: `args` describe the whole machine.

    Attributes:
        argv: The command line without the QMP options, to be shown and repeated.
        transcript: Every command so far, without status queries while waiting.
    """

    def __init__(
        self,
        binary: Path,
        args: Sequence[str],
        *,
        incoming: bool = False,
        timeout: float = 30,
        folder: Path | None = None,
    ) -> None:
        """Describe the process.

        Args:
            binary: The emulator, see `find`.
            args: The machine's arguments.
            incoming: Start the machine empty, ready for `load`.
            timeout: Longest time in seconds for the start, and for each later command.
            folder: The working directory of the process; None for ours.
        """
        self.argv = [str(binary), "-nodefaults", "-display", "none", "-S", *args]
        if incoming:
            self.argv += ["-incoming", "defer"]
        self.transcript: list[dict[str, Any]] = []
        self._timeout = timeout
        self._folder = folder
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._stderr = stack.enter_context(tempfile.TemporaryFile())
            self._loop = asyncio.new_event_loop()
            stack.callback(self._loop.close)
            # A socket pair needs no path, no waiting and no cleanup, unlike a listening socket, and
            # the connection breaks as soon as QEMU exits.
            ours, theirs = socket.socketpair()
            with theirs:
                stack.callback(ours.close)
                qmp = ["-chardev", f"socket,id=qmp,fd={theirs.fileno()}"]
                qmp += ["-mon", "chardev=qmp,mode=control"]
                self._process = subprocess.Popen(
                    self.argv + qmp,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._stderr,
                    pass_fds=[theirs.fileno()],
                    cwd=self._folder,
                )
            self._client = QMPClient()
            stack.callback(self._disconnect)
            stack.callback(self.kill)
            self._run(self._client.connect(ours), "start", self._timeout)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def kill(self) -> None:
        """Kill the process, as a crash of the host would: nothing is flushed."""
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def stderr(self) -> str:
        """QEMU's standard error so far."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace").strip()

    def qmp(self, command: str, **arguments: object) -> Any:
        """Execute a QMP command and return its answer; `_` in argument names stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.transcript.append({"execute": command} | ({"arguments": named} if named else {}))
        return self._execute(command, named, self._timeout)

    def hmp(self, line: str) -> str:
        """Execute a line of the human monitor and return the text it prints."""
        return str(self.qmp("human-monitor-command", command_line=line))

    def pmemsave(self, gpa: int, size: int, path: Path) -> None:
        """Write `size` bytes of guest-physical memory from `gpa` on to `path`."""
        self.qmp("pmemsave", val=gpa, size=size, filename=str(path))

    def save(
        self,
        path: Path,
        *,
        offset: int = 0,
        capabilities: Iterable[str] = MAPPED_RAM,
        parameters: Mapping[str, object] | None = None,
        timeout: float = 60,
    ) -> None:
        """Migrate to the file `path`, from byte `offset` on, and wait for the end.

        The guest stays stopped; QEMU can save it again only after `cont`.

        Raises:
            MigrationFailedError: QEMU gave up; an incomplete file may be left.
        """
        self.start_save(path, offset=offset, capabilities=capabilities, parameters=parameters)
        self.wait_migrated(timeout)

    def start_save(
        self,
        path: Path,
        *,
        offset: int = 0,
        capabilities: Iterable[str] = MAPPED_RAM,
        parameters: Mapping[str, object] | None = None,
        uri: str | None = None,
    ) -> None:
        """Start the migration of `save`, and return while it is running.

        `uri` is for a QEMU without `file:`.
        """
        self.configure(capabilities, parameters)
        self.qmp("migrate", uri=uri or _file_uri(path, offset))

    def load(
        self,
        path: Path,
        *,
        offset: int = 0,
        capabilities: Iterable[str] = MAPPED_RAM,
        parameters: Mapping[str, object] | None = None,
        timeout: float = 60,
    ) -> None:
        """Load a file into a machine made with `incoming=True`, and leave the guest stopped.

        Raises:
            MigrationFailedError: QEMU refuses the file.
            QemuDiedError: Loading the file crashed QEMU.
            QemuTimeoutError: QEMU is still busy with the file, or loops.
        """
        self.configure(capabilities, parameters)
        # By default QEMU exits on failure, which would hide the reason from query-migrate.
        self.qmp("migrate-incoming", uri=_file_uri(path, offset), exit_on_error=False)
        self.wait_migrated(timeout)

    def migration(self) -> dict[str, Any]:
        """Query the current or last migration."""
        return self._migration(self._timeout)

    def wait_migrated(self, timeout: float = 60) -> None:
        """Wait until the migration has ended; raise unless it completed."""
        self.wait_until(
            lambda: self._migration(timeout).get("status") in _ENDED, "migrate", timeout
        )
        end = self.migration()
        if end["status"] != "completed":
            reason = end.get("error-desc", "no reason given")
            raise MigrationFailedError(f"migration {end['status']}: {reason}", self.stderr)

    def wait_until(self, condition: Callable[[], bool], purpose: str, timeout: float = 60) -> None:
        """Poll `condition` until it holds."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise QemuTimeoutError(f"{purpose}: not done after {timeout} s", self.stderr)
            time.sleep(_POLL_INTERVAL)

    def configure(
        self, capabilities: Iterable[str], parameters: Mapping[str, object] | None
    ) -> None:
        """Switch capabilities on and set parameters."""
        if states := [{"capability": name, "state": True} for name in capabilities]:
            self.qmp("migrate-set-capabilities", capabilities=states)
        if parameters:
            self.qmp("migrate-set-parameters", **parameters)

    def _migration(self, timeout: float) -> dict[str, Any]:
        status: dict[str, Any] = self._execute("query-migrate", {}, timeout)
        return status

    def _execute(self, command: str, arguments: Mapping[str, object], timeout: float) -> Any:
        return self._run(self._client.execute(command, arguments), command, timeout)

    def _run(self, task: Coroutine[Any, Any, _T], purpose: str, timeout: float) -> _T:
        try:
            return self._loop.run_until_complete(asyncio.wait_for(task, timeout))
        except ExecuteError as error:
            raise CommandFailedError(f"{purpose}: {error}", self.stderr) from None
        except TimeoutError:
            raise QemuTimeoutError(f"{purpose}: no answer in {timeout} s", self.stderr) from None
        except (QMPError, OSError, EOFError):
            # The connection breaks only when QEMU exits.
            with suppress(subprocess.TimeoutExpired):
                raise QemuDiedError(self._process.wait(timeout), self.stderr) from None
            raise QemuTimeoutError(f"{purpose}: QEMU hung up but runs on", self.stderr) from None

    def _disconnect(self) -> None:
        with suppress(Exception):  # QEMU is dead, so the client reports a broken connection
            self._loop.run_until_complete(
                asyncio.wait_for(self._client.disconnect(), self._timeout)
            )


def _file_uri(path: Path, offset: int) -> str:
    return f"file:{path},offset={offset}" if offset else f"file:{path}"
