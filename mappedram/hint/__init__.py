"""From what a snapshot holds to how it is loaded; what it does not tell is said. No I/O.

>>> from mappedram.hint import hint
>>> with mappedram.open("guest.mapped-ram") as snapshot:
...     loading = hint(snapshot.stream, "/tmp/guest.mapped-ram")
...     loading.binary, loading.argv, loading.qmp, loading.unknowns
"""

from mappedram.hint.devices import Device
from mappedram.hint.hint import Hint, Loading, Unknown, file_uri, hint

__all__ = ["Device", "Hint", "Loading", "Unknown", "file_uri", "hint"]
