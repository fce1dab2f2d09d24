"""Cancel a save without losing the guest."""

import asyncio

from mappedram.qemu.capture.monitor import ENDED, CaptureError, Monitor

#: Parameters that make the threads of QEMU rest. QEMU may write a tenth of the bandwidth every 100
#: ms. The limit cannot be 0, which means no limit. Zero pages count only if they are written.
#: Source: QEMU migration/migration-stats.c, migration_rate_set() and migration_rate_exceeded().
SLOWEST = {"max-bandwidth": 10, "zero-page-detection": "none"}

_POLL_INTERVAL = 0.01
#: Longest wait for the threads to rest, in seconds.
_REST_TIMEOUT = 2
#: Longest wait for QEMU to cancel a save, in seconds.
_CANCEL_TIMEOUT = 60


async def cancel(monitor: Monitor, *, threads: bool) -> None:
    """Cancel the save, and wait until QEMU has closed the file.

    With `multifd`, QEMU may crash if a thread is writing when the save is cancelled (E-054), and
    the guest is lost. So the threads are brought to rest first, by the parameters in `SLOWEST`.

    Args:
        monitor: the monitor.
        threads: whether the guest is saved with `multifd`.

    Raises:
        CaptureError: QEMU refuses, has exited, or takes too long.
    """
    if threads:
        await _bring_to_rest(monitor)
    await monitor.execute("migrate_cancel")
    for _ in range(int(_CANCEL_TIMEOUT / _POLL_INTERVAL)):
        if (await monitor.migration()).get("status", "cancelled") in ENDED:
            return
        await asyncio.sleep(_POLL_INTERVAL)
    raise CaptureError(f"QEMU did not break the save off within {_CANCEL_TIMEOUT} s")


async def _bring_to_rest(monitor: Monitor) -> None:
    """Wait until the threads have used up their quota of 100 ms; most of those 100 ms are left."""
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
