"""How to load a snapshot: emulator, options, devices, QMP commands, and unknown options.

The table of devices that need an option is in `devices`. Nothing here does any I/O: running QEMU
belongs in `qemu/run`.

>>> from mappedram.guest.restore import hint
>>> with mappedram.open("guest.mapped-ram") as snapshot:
...     loading = hint(snapshot.stream, "/tmp/guest.mapped-ram")
...     loading.binary, loading.argv, loading.qmp, loading.unknowns
"""

from mappedram.guest.restore.commands import (
    Covered,
    Hint,
    LoadOptions,
    UnknownOption,
    file_uri,
    hint,
)
from mappedram.guest.restore.items import Item
from mappedram.guest.restore.parts import Part

__all__ = ["Covered", "Hint", "Item", "LoadOptions", "Part", "UnknownOption", "file_uri", "hint"]
