"""From what a snapshot holds to how it is loaded; what it does not tell is said. No I/O.

>>> from mappedram.guest.restore import hint
>>> with mappedram.open("guest.mapped-ram") as snapshot:
...     loading = hint(snapshot.stream, "/tmp/guest.mapped-ram")
...     loading.binary, loading.argv, loading.qmp, loading.unknowns
"""

from mappedram.guest.restore.commands import Hint, Loading, Unknown, file_uri, hint
from mappedram.guest.restore.devices import Device

__all__ = ["Device", "Hint", "Loading", "Unknown", "file_uri", "hint"]
