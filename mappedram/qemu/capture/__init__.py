"""Take a snapshot of a running guest through the QMP monitor of its QEMU.

Code that talks to a QEMU started by somebody else belongs here; code that starts one belongs in
`qemu/run`.

>>> from mappedram.qemu.capture import Wish, capture
>>> asyncio.run(capture("/run/guest.qmp", Path("guest.mapped-ram"), Wish(channels=2)))
"""

from mappedram.qemu.capture.guest import RunningGuest
from mappedram.qemu.capture.monitor import CaptureError
from mappedram.qemu.capture.snapshot import Captured, Wish, capture

__all__ = ["CaptureError", "Captured", "RunningGuest", "Wish", "capture"]
