"""Commands to a simulated QEMU while a save is cancelled: E-054 is too rare for a real one."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mappedram.qemu.capture import CaptureError, Wish, capture, snapshot
from mappedram.qemu.capture.cancel import SLOWEST, cancel
from mappedram.qemu.capture.monitor import Monitor

PARAMETERS = {
    "max-bandwidth": 1 << 27,
    "zero-page-detection": "multifd",
    "multifd-channels": 2,
    "direct-io": False,
}


class Scripted(Monitor):
    """A QEMU whose threads have written the next number in `bytes_` at each query.

    Its save continues until it is cancelled; its guest runs from the beginning.
    """

    #: There is no process with a user.
    user = None

    def __init__(self, bytes_: Iterable[int] = (), *, multifd: bool = False) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._bytes: Iterator[int] = iter(bytes_)
        self._status = "active"
        self._multifd = multifd
        self.parameters = dict(PARAMETERS)
        self.saving = asyncio.Event()

    async def execute(self, command: str, **arguments: object) -> Any:
        self.told.append((command, arguments))
        if command.startswith("query-"):
            return self._answer(command)
        match command:
            case "migrate-set-parameters":
                self.parameters |= arguments
            case "migrate":
                self.saving.set()
            case "migrate_cancel":
                self._status = "cancelled"
        return {}

    def _answer(self, query: str) -> Any:
        if query == "query-migrate":
            return self._migration()
        states = {"mapped-ram": False, "multifd": self._multifd}
        return {
            "query-version": {"qemu": {"major": 10, "minor": 0, "micro": 2}},
            "query-status": {"status": "running", "running": True},
            "query-memory-size-summary": {"base-memory": 1 << 30},
            "query-migrate-capabilities": [
                {"capability": name, "state": on} for name, on in states.items()
            ],
            "query-migrate-parameters": dict(self.parameters),
        }.get(query, {})

    def _migration(self) -> dict[str, Any]:
        if not self.saving.is_set():
            return {}
        ram = {"total": 1 << 30, "remaining": 1 << 30, "multifd-bytes": next(self._bytes)}
        return {"status": self._status, "ram": ram}

    @property
    def commands(self) -> list[str]:
        return [command for command, _ in self.told]


async def cancelled(monitor: Scripted, *, threads: bool) -> None:
    monitor.saving.set()
    await cancel(monitor, threads=threads)


def test_threads_come_to_rest_first() -> None:
    """Threads that have not written yet may be about to: that is not enough."""
    monitor = Scripted([5, 5, 5, 9, 12, 12, 12])
    asyncio.run(cancelled(monitor, threads=True))
    assert monitor.told[0] == ("migrate-set-parameters", SLOWEST)
    assert monitor.commands[1:] == ["query-migrate"] * 6 + ["migrate_cancel", "query-migrate"]


def test_threads_that_write_nothing_are_not_waited_for_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mappedram.qemu.capture.cancel._REST_TIMEOUT", 0.05)
    monitor = Scripted([5] * 100)
    asyncio.run(cancelled(monitor, threads=True))
    assert monitor.commands[-3:] == ["query-migrate", "migrate_cancel", "query-migrate"]


def test_without_threads_it_is_cancelled_at_once() -> None:
    monitor = Scripted([0])
    asyncio.run(cancelled(monitor, threads=False))
    assert monitor.commands == ["migrate_cancel", "query-migrate"]


def test_the_limit_is_none_that_is_rounded_down_to_no_limit() -> None:
    assert int(str(SLOWEST["max-bandwidth"])) // 10 >= 1


@pytest.mark.parametrize(
    ("channels", "multifd", "threads"),
    [(0, False, False), (2, False, True), (0, True, True)],
    ids=["none", "asked for", "on already"],
)
def test_capture_knows_whether_there_are_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int, multifd: bool, threads: bool
) -> None:
    """The parameters changed to bring them to rest are restored."""

    async def broken_off() -> Scripted:
        monitor = Scripted([*range(4), *[4] * 100], multifd=multifd)

        @asynccontextmanager
        async def connected(_: str) -> AsyncIterator[Monitor]:
            yield monitor

        monkeypatch.setattr(snapshot, "connected", connected)
        task = asyncio.create_task(
            capture("address", tmp_path / "out", Wish(channels=channels, live=True))
        )
        await monitor.saving.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return monitor

    monitor = asyncio.run(broken_off())
    assert (("migrate-set-parameters", SLOWEST) in monitor.told) == threads
    assert monitor.commands.count("migrate_cancel") == 1
    assert monitor.parameters == PARAMETERS
    assert not (tmp_path / "out").exists()


def test_a_save_that_cannot_be_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stubborn(Scripted):
        async def execute(self, command: str, **arguments: object) -> Any:
            self.told.append((command, arguments))
            return {"status": "cancelling"}

    monkeypatch.setattr("mappedram.qemu.capture.cancel._CANCEL_TIMEOUT", 0.05)
    with pytest.raises(CaptureError, match="did not break the save off"):
        asyncio.run(cancelled(Stubborn(), threads=False))
