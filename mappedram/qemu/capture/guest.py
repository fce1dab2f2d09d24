"""State of QEMU and its guest before a capture changes anything."""

from collections.abc import Mapping
from dataclasses import dataclass

from mappedram.json_types import Json
from mappedram.qemu.capture.monitor import Monitor


@dataclass(frozen=True, slots=True)
class RunningGuest:
    """A guest to be captured.

    Attributes:
        version: release of its QEMU.
        status: run state, such as `running` or `paused`.
        running: whether it runs.
        memory: bytes of RAM.
        capabilities: migration capabilities that its QEMU knows, and whether they are on.
        parameters: migration parameters.
        migration: status of the current or last migration; empty if there was none.
        blocked: reasons why the guest cannot be migrated.
    """

    version: tuple[int, int, int]
    status: str
    running: bool
    memory: int
    capabilities: Mapping[str, bool]
    parameters: Mapping[str, Json]
    migration: str
    blocked: tuple[str, ...]


async def look(monitor: Monitor) -> RunningGuest:
    """Query QEMU.

    Raises:
        CaptureError: QEMU does not answer.
    """
    version = (await monitor.execute("query-version"))["qemu"]
    status = await monitor.execute("query-status")
    memory = await monitor.execute("query-memory-size-summary")
    capabilities = await monitor.execute("query-migrate-capabilities")
    migration = await monitor.migration()
    return RunningGuest(
        version=(version["major"], version["minor"], version["micro"]),
        status=status["status"],
        running=status["running"],
        memory=memory["base-memory"] + memory.get("plugged-memory", 0),
        capabilities={entry["capability"]: entry["state"] for entry in capabilities},
        parameters=await monitor.execute("query-migrate-parameters"),
        migration=migration.get("status", ""),
        blocked=tuple(migration.get("blocked-reasons", ())),
    )
