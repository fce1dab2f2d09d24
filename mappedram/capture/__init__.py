"""Taking a snapshot of a running guest, through the QMP monitor of its QEMU.

>>> from mappedram.capture import Wish, capture
>>> asyncio.run(capture("/run/guest.qmp", Path("guest.mapped-ram"), Wish(channels=2)))
"""

from mappedram.capture.guest import Guest
from mappedram.capture.monitor import CaptureError
from mappedram.capture.snapshot import Captured, Wish, capture

__all__ = ["CaptureError", "Captured", "Guest", "Wish", "capture"]
