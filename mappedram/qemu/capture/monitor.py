"""The QMP monitor of a running QEMU, one command after the other."""

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

#: Status of a migration that goes on no more.
ENDED = ("completed", "failed", "cancelled")
#: Seconds that QEMU may take for an answer; saving itself is never waited for in one command.
TIMEOUT = 30
#: Seconds for its greeting: a monitor that serves somebody else gives none.
_GREETING_TIMEOUT = 5


class CaptureError(MappedRamError):
    """No snapshot was taken: QEMU cannot be reached, refuses or gives up, or the file would be bad.

    Attributes:
        cleanup: what could not be put back afterwards, in words.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.cleanup: list[str] = []


#: What `query-migrate` answers, as far as it is looked at. Source: QEMU qapi/migration.json,
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
        """As whom QEMU opens files; None where that is not known."""
        # The client has no public way to its socket.
        writer = getattr(self._client, "_writer", None)
        connection = writer and writer.get_extra_info("socket")
        return _user(connection) if connection else None

    async def execute(self, command: str, **arguments: object) -> Any:
        """Execute a command and return its answer; `_` in names of arguments stands for `-`.

        Raises:
            CaptureError: QEMU answers with an error, does not answer, or has gone.
        """
        from qemu.qmp import ExecuteError, QMPError

        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        answer = asyncio.ensure_future(self._client.execute(command, named))
        try:
            return await asyncio.wait_for(asyncio.shield(answer), TIMEOUT)
        except asyncio.CancelledError:
            # An answer that nobody waits for would end the connection, which is needed to put
            # everything back; and what the command has done is known only then.
            await asyncio.wait({answer}, timeout=TIMEOUT)
            with suppress(asyncio.CancelledError, asyncio.InvalidStateError):
                answer.exception()
            raise
        except ExecuteError as error:
            raise CaptureError(f"QEMU refuses {command}: {error}") from error
        except TimeoutError as error:
            raise CaptureError(f"{command}: no answer from QEMU within {TIMEOUT} s") from error
        except (QMPError, OSError, EOFError) as error:
            raise CaptureError(f"{command}: lost the connection to QEMU") from error

    async def migration(self) -> Migration:
        """What QEMU says of the current or last migration; without `status` if there was none.

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
    """Those of the process behind a Unix socket, which may not be those that it began with."""
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
    """The monitor at a Unix socket.

    Raises:
        CaptureError: there is no monitor that answers.
    """
    try:
        from qemu.qmp import QMPClient, QMPError
    except ImportError as error:
        raise CaptureError(
            "the Python package qemu.qmp is missing: pip install 'mappedram[capture]'"
        ) from error
    client = QMPClient("mappedram")
    client.logger.disabled = True  # it would report on its own what is raised here
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
        with suppress(Exception):  # QEMU may have gone
            await asyncio.wait_for(client.disconnect(), _GREETING_TIMEOUT)


def _reason(error: BaseException) -> str:
    """What the system said, which the client wraps into errors of its own."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
