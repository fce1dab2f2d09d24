"""Load one file into one QEMU, and compare the memory with the saved one.

Uses only the standard library and numpy. Each load has a process of its own: after a failed load,
the result of a second one in the same process means nothing.
"""

import hashlib
import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from mappedram.io import system
from mappedram.io.opening import open_file
from mappedram.qemu.run.guests import GUESTS, TrialGuest
from mappedram.stream.snapshot import OpenSnapshot

Outcome = Literal["loads", "wrong-memory", "refuses", "crashes", "hangs"]

#: Address space of one QEMU. It needs 1.3 GiB by itself, mostly for translated code.
ADDRESS_SPACE = 7 << 30
#: Bytes of standard error to keep.
_STDERR_MAX = 1 << 14
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Result of one load.

    Attributes:
        outcome: `wrong-memory` only if expected memory was given.
        message: what QEMU wrote to standard error, without its own name, and the reason that it
            keeps of a failure; `signal NAME` if it crashed.
        returncode: as in `subprocess`, negative for a signal; None if QEMU was alive at the end.
        seconds: from the start of the process to the outcome.
        memory: digest of all watched blocks (`digest`); None if nothing was loaded.
    """

    outcome: Outcome
    message: str
    returncode: int | None
    seconds: float
    memory: bytes | None


class QemuLoader:
    """Loads files into fresh guests of one kind. A context manager; not for several threads.

    Args:
        binary: the system emulator.
        guest: the machine, or its name in `GUESTS`.
        timeout: seconds for a load, after which it counts as endless.
        address_space: bytes that QEMU may map; an allocation beyond it fails.
    """

    def __init__(
        self,
        binary: str | os.PathLike[str],
        guest: TrialGuest | str = "none",
        *,
        timeout: float = 10.0,
        address_space: int = ADDRESS_SPACE,
    ) -> None:
        self.binary = Path(binary)
        self.guest = GUESTS[guest] if isinstance(guest, str) else guest
        self.timeout = timeout
        self.address_space = address_space
        self._memory: dict[str, int] = {}

    def __enter__(self) -> Self:
        for idstr in self.guest.blocks:
            self._memory[idstr] = system.memory_file(idstr)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._memory:
            system.close(self._memory.popitem()[1])

    def load(
        self,
        path: str | os.PathLike[str],
        offset: int = 0,
        expected: bytes | None = None,
    ) -> LoadResult:
        """Load the stream that begins at `offset` of a file.

        Args:
            path: the file; QEMU opens it for reading.
            offset: where the stream begins.
            expected: digest of the saved memory, to compare with.
        """
        self._clear()
        began = time.monotonic()
        with _Process(self._argv("-incoming", "defer"), self._memory.values()) as qemu:
            qemu.limit(self.address_space)
            uri = f"file:{os.fspath(path)}" + (f",offset={offset}" if offset else "")
            status = qemu.migrate(
                "migrate-incoming",
                {"uri": uri, "exit-on-error": False},
                self.guest.capabilities,
                began + self.timeout,
            )
            seconds = time.monotonic() - began
            outcome, message, returncode = qemu.verdict(status)
        memory = digest_of(self._memory) if outcome == "loads" else None
        if memory is not None and expected is not None and memory != expected:
            outcome = "wrong-memory"
        return LoadResult(outcome, message, returncode, seconds, memory)

    def save(
        self, path: str | os.PathLike[str], fill: Callable[[str, int], None] | None = None
    ) -> None:
        """Save a fresh guest of that kind, which never ran, to `path`.

        Args:
            path: the file; it is created or overwritten.
            fill: called with the name and a descriptor of the memory of each watched block, to
                write the guest's memory.

        Raises:
            RuntimeError: QEMU does not save.
        """
        self._clear()
        for idstr, fd in self._memory.items():
            if fill:
                fill(idstr, fd)
        Path(path).write_bytes(b"")
        with _Process(self._argv(), self._memory.values()) as qemu:
            status = qemu.migrate(
                "migrate",
                {"uri": f"file:{os.fspath(path)}"},
                self.guest.capabilities,
                time.monotonic() + max(self.timeout, 30),
            )
            if status != "completed":
                raise RuntimeError(f"{self.binary}: saving {status}: {qemu.stderr()}")

    def _clear(self) -> None:
        for idstr, fd in self._memory.items():
            system.end_at(fd, 0)
            system.end_at(fd, self.guest.blocks[idstr])

    def _argv(self, *more: str) -> list[str]:
        argv = [str(self.binary), "-nodefaults", "-display", "none", "-S"]
        argv += ["-accel", "tcg", "-rtc", "base=2024-01-01,clock=vm", "-seed", "1"]
        for idstr, fd in self._memory.items():
            size = self.guest.blocks[idstr]
            path = f"/proc/self/fd/{fd}"
            argv += [
                "-object",
                f"memory-backend-file,id={idstr},size={size},share=on,mem-path={path}",
            ]
        return [*argv, *self.guest.args, *more]


class _Process:
    """One QEMU, killed when the `with` block ends, whatever happened."""

    def __init__(self, argv: list[str], fds: Iterable[int]) -> None:
        self._name = Path(argv[0]).name
        with ExitStack() as stack:
            self._stderr = stack.enter_context(tempfile.TemporaryFile())
            self._socket, theirs = socket.socketpair()
            stack.callback(self._socket.close)
            with theirs:
                self._process = subprocess.Popen(
                    [*argv, "-qmp", "stdio"],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._stderr,
                    pass_fds=list(fds),
                )
            stack.callback(self._kill)
            self._cleanup = stack.pop_all()
        self._pending = b""
        self._reason = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def limit(self, address_space: int) -> None:
        """Limit the memory of QEMU, and disable core dumps."""
        with suppress(ProcessLookupError):
            for kind, value in ((resource.RLIMIT_AS, address_space), (resource.RLIMIT_CORE, 0)):
                resource.prlimit(self._process.pid, kind, (value, value))

    def migrate(
        self,
        command: str,
        arguments: Mapping[str, Any],
        capabilities: Iterable[str],
        deadline: float,
    ) -> str:
        """Start a migration and wait for its end.

        Returns:
            `completed`, `failed`, `gone` if QEMU ended, `late` after `deadline`.
        """
        states = [{"capability": name, "state": True} for name in ("events", *capabilities)]
        # Send all at once: QEMU executes commands in order by itself.
        self._send("qmp_capabilities")
        self._send("migrate-set-capabilities", {"capabilities": states})
        self._send(command, arguments)
        try:
            while message := self._receive(deadline):
                status = message.get("data", {}).get("status", "")
                if message.get("event") == "MIGRATION" and status in ("completed", "failed"):
                    self._reason = self._why(deadline) if status == "failed" else ""
                    return str(status)
                if "error" in message:
                    return f"failed: {message['error'].get('desc')}"
        except TimeoutError:
            return "late"
        return "gone"

    def _why(self, deadline: float) -> str:
        """QEMU's reason for a failed migration."""
        self._send("query-migrate", name="why")
        while message := self._receive(deadline):
            if message.get("id") == "why":
                return str(message.get("return", {}).get("error-desc", ""))
        return ""

    def verdict(self, status: str) -> tuple[Outcome, str, int | None]:
        """The outcome of a load for a status of `migrate`."""
        if status == "completed":
            return "loads", self.stderr(), None
        if status == "late":
            return "hangs", self.stderr(), None
        if status == "gone":
            code = self._process.wait(30)
            name = f"signal {signal.Signals(-code).name}" if code < 0 else ""
            text = "\n".join(filter(None, (self.stderr(), name)))
            return ("crashes" if code < 0 else "refuses"), text, code
        return "refuses", "\n".join(filter(None, (self.stderr(), self._reason))) or status, None

    def stderr(self) -> str:
        """QEMU's standard error, without its own name at the beginning."""
        self._stderr.seek(0)
        text = self._stderr.read(_STDERR_MAX).decode("latin-1")
        prefix = f"{self._name}: "
        return "\n".join(line.removeprefix(prefix) for line in text.split("\n")).strip("\n")

    def _send(
        self, command: str, arguments: Mapping[str, Any] | None = None, name: str = ""
    ) -> None:
        request: dict[str, Any] = {"execute": command, "id": name}
        request |= {"arguments": dict(arguments)} if arguments else {}
        with suppress(OSError):  # QEMU has exited; the reader of the answer will notice
            self._socket.sendall(json.dumps(request).encode() + b"\n")

    def _receive(self, deadline: float) -> dict[str, Any] | None:
        """The next message; None if QEMU closed the connection.

        Raises:
            TimeoutError: there is none before `deadline`.
        """
        while b"\n" not in self._pending:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message


# Memory. Two memories are the same if their non-zero pages are.


class _Digest:
    """Digest of memory, fed from front to back in chunks of any size."""

    def __init__(self) -> None:
        self._places = hashlib.sha256()
        self._pages = hashlib.sha256()

    def block(self, idstr: str, size: int) -> None:
        """Begin a block."""
        self._places.update(f"{idstr}\0{size}\0".encode())

    def add(self, start: int, data: bytes) -> None:
        """Add the 4 KiB pieces that are not zero, each with its place in the block."""
        import numpy as np

        pieces = np.frombuffer(data, np.uint64).reshape(-1, 512)
        used = np.flatnonzero(pieces.any(axis=1))
        self._places.update((used.astype("<u8") * 4096 + np.uint64(start)).tobytes())
        self._pages.update(pieces[used].tobytes())

    def result(self) -> bytes:
        return self._places.digest() + self._pages.digest()


def digest_of(memory: Mapping[str, int]) -> bytes:
    """The digest of blocks that are files: name and descriptor of each."""
    digest = _Digest()
    for idstr in sorted(memory):
        with open_file(memory[idstr]) as source:
            digest.block(idstr, source.size)
            for begin, end in source.extents(0, source.size):
                for start in range(begin, end, _CHUNK):
                    digest.add(start, source.read(start, min(_CHUNK, end - start)))
    return digest.result()


def digest_of_snapshot(snapshot: OpenSnapshot, guest: TrialGuest) -> bytes:
    """The expected digest of the watched blocks of a guest after it loads the snapshot.

    Raises:
        UnknownNameError: the snapshot has no such block.
        MappedRamError: a block cannot be read.
    """
    digest = _Digest()
    for idstr in sorted(guest.blocks):
        block = snapshot.block[idstr]
        digest.block(idstr, block.used_length)
        for first, stop in block.runs().tolist():
            begin, end = first * block.page_size, stop * block.page_size
            for start in range(begin, end, _CHUNK):
                digest.add(start, block.read(start, min(_CHUNK, end - start)))
    return digest.result()
