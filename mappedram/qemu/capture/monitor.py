"""The QMP monitor of a running QEMU, one command at a time."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from mappedram.errors import MappedRamError

if TYPE_CHECKING:
    from qemu.qmp import QMPClient

#: Statuses of a migration that has ended.
ENDED = ("completed", "failed", "cancelled")
#: Longest wait for an answer, in seconds. No single command waits for a save.
TIMEOUT = 30
#: Longest wait for the greeting, in seconds. A monitor with another client sends none.
_GREETING_TIMEOUT = 5


class CaptureError(MappedRamError):
    """No snapshot was taken: QEMU cannot be reached, refuses or gives up, or the file would be bad.

    Attributes:
        cleanup: what could not be restored afterwards, in words.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.cleanup: list[str] = []


#: Members of the answer to `query-migrate` that are used. Source: QEMU qapi/migration.json,
#: MigrationInfo and MigrationStats.
Migration = TypedDict(
    "Migration",
    {
        "status": str,
        "ram": Mapping[str, int],
        "total-time": int,
        "downtime": int,
        "error-desc": str,
        "blocked-reasons": list[str],
    },
    total=False,
)


class Monitor:
    """A connection to QEMU. Made by `connected`."""

    def __init__(self, client: "QMPClient") -> None:
        self._client = client

    @property
    def user(self) -> "User | None":
        """User as whom QEMU opens files; None if unknown."""
        # The client does not publish its socket.
        writer = getattr(self._client, "_writer", None)
        connection = writer and writer.get_extra_info("socket")
        return _user(connection) if connection else None

    async def execute(self, command: str, **arguments: object) -> Any:
        """Execute a command and return its answer; `_` in names of arguments stands for `-`.

        Raises:
            CaptureError: QEMU answers with an error, does not answer, or has exited.
        """
        from qemu.qmp import ExecuteError, QMPError

        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        answer = asyncio.ensure_future(self._client.execute(command, named))
        try:
            return await asyncio.wait_for(asyncio.shield(answer), TIMEOUT)
        except asyncio.CancelledError:
            # Do not cancel the wait: that would close the connection, which is needed to restore
            # everything; and only the answer tells what the command has done.
            await asyncio.wait({answer}, timeout=TIMEOUT)
            with suppress(asyncio.CancelledError, asyncio.InvalidStateError):
                answer.exception()
            raise
        except ExecuteError as error:
            raise CaptureError(f"QEMU refuses {command}: {error}") from error
        except TimeoutError as error:
            raise CaptureError(f"{command}: QEMU does not answer within {TIMEOUT} s") from error
        except (QMPError, OSError, EOFError) as error:
            raise CaptureError(f"{command}: the connection to QEMU broke") from error

    async def migration(self) -> Migration:
        """Query the current or last migration; without `status` if there was none.

        Raises:
            CaptureError: as `execute`.
        """
        state: Migration = await self.execute("query-migrate")
        return state


class User(NamedTuple):
    """User and group of a process."""

    uid: int
    gid: int


def _user(connection: Any) -> User | None:
    """User and group of the process behind a Unix socket; they may have changed since its start."""
    size = struct.calcsize("3i")
    try:
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        pid, _, _ = struct.unpack("3i", data)
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    ids = re.findall(r"^[UG]id:(?:\t\d+){3}\t(\d+)$", status, re.MULTILINE)
    return User(*map(int, ids)) if len(ids) == len(User._fields) else None


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Monitor]:
    """Connect to the monitor at a Unix socket.

    Raises:
        CaptureError: no monitor answers there.
    """
    try:
        from qemu.qmp import QMPClient, QMPError
    except ImportError as error:
        raise CaptureError(
            "the Python package qemu.qmp is missing: pip install 'mappedram[capture]'"
        ) from error
    client = QMPClient("mappedram")
    client.logger.disabled = True  # it would also report the errors raised here
    try:
        await asyncio.wait_for(client.connect(address), _GREETING_TIMEOUT)
    except TimeoutError as error:
        raise CaptureError(
            f"no greeting within {_GREETING_TIMEOUT} s: this is no QMP monitor, or it serves"
            " another client, such as libvirt; a monitor serves one at a time"
        ) from error
    except (QMPError, OSError) as error:
        raise CaptureError(f"no QMP monitor answers there: {_reason(error)}") from error
    try:
        yield Monitor(client)
    finally:
        with suppress(Exception):  # QEMU may have exited
            await asyncio.wait_for(client.disconnect(), _GREETING_TIMEOUT)


def _reason(error: BaseException) -> str:
    """Message of the system error that the client wraps in errors of its own."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
