"""A model of QEMU's loader: what each release does with a file.

The model follows the bytes as the loader does, and is compared with real QEMUs (docs/verdicts.md).
`releases` lists the differences between releases; every other module models one part of the loader.
A finding about a file belongs in `check`.

>>> from mappedram.qemu.loader import verdicts
>>> verdicts(snapshot)["10.0"].outcome
"""

from mappedram.qemu.loader.destination import Destination, LocalBlock
from mappedram.qemu.loader.failures import E_SWITCHOVER
from mappedram.qemu.loader.releases import NAMES, RELEASES, Release, newest
from mappedram.qemu.loader.stream_kind import fitted
from mappedram.qemu.loader.verdict import Outcome, Verdict
from mappedram.qemu.loader.verdicts import ERRATA, verdicts

__all__ = [
    "ERRATA",
    "E_SWITCHOVER",
    "NAMES",
    "RELEASES",
    "Destination",
    "LocalBlock",
    "Outcome",
    "Release",
    "Verdict",
    "fitted",
    "newest",
    "verdicts",
]
