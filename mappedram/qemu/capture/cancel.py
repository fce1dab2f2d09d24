"""Breaking a save off, in a way that the guest survives."""

import asyncio

from mappedram.qemu.capture.monitor import ENDED, CaptureError, Monitor

#: What makes threads of QEMU rest. A tenth of the bandwidth is what may be written in 100 ms, and 0
#: would lift the limit; pages of zeros count for nothing in it unless they are written too.
#: Source: QEMU migration/migration-stats.c, migration_rate_set() and migration_rate_exceeded().
SLOWEST = {"max-bandwidth": 10, "zero-page-detection": "none"}

_POLL_INTERVAL = 0.01
#: Seconds that are waited at most for the threads to rest.
_REST_TIMEOUT = 2
#: Seconds that QEMU may take to break a save off.
_CANCEL_TIMEOUT = 60


async def cancel(monitor: Monitor, *, threads: bool) -> None:
    """Break the save off, and wait until QEMU has let go of the file.

    With `multifd` QEMU may crash if it is told so while a thread writes (E-054), and the guest is
    lost. So the threads are brought to rest first, which changes the parameters in `SLOWEST`.

    Args:
        monitor: the monitor.
        threads: whether it saves with `multifd`.

    Raises:
        CaptureError: QEMU refuses, has gone, or does not get it done.
    """
    if threads:
        await _bring_to_rest(monitor)
    await monitor.execute("migrate_cancel")
    for _ in range(int(_CANCEL_TIMEOUT / _POLL_INTERVAL)):
        if (await monitor.migration()).get("status", "cancelled") in ENDED:
            return
        await asyncio.sleep(_POLL_INTERVAL)
    raise CaptureError(f"QEMU did not cancel the save within {_CANCEL_TIMEOUT} s")


async def _bring_to_rest(monitor: Monitor) -> None:
    """Return when the threads have just written what they may in 100 ms: most of those are left."""
    await monitor.execute("migrate-set-parameters", **SLOWEST)
    before, wrote = None, False
    for _ in range(int(_REST_TIMEOUT / _POLL_INTERVAL)):
        state = await monitor.migration()
        if state.get("status") in ENDED:
            return
        now = state.get("ram", {}).get("multifd-bytes", 0)
        if wrote and now == before:
            return
        wrote = before is not None and now != before
        before = now
        await asyncio.sleep(_POLL_INTERVAL)
