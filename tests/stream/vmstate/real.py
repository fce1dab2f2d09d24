"""Fixtures that have a description of their devices."""

from tests.conftest import UNFINISHED, manifest

#: Fixtures whose JSON text is missing, cannot be reached, or lacks the configuration: 7.2, which
#: wrote `compress`, does not describe it.
_OTHERS = {
    "no-vmdesc",
    "no-footers-no-vmdesc",
    "no-configuration",
    "compress",
    "devices-only",
    *UNFINISHED,
}
DESCRIBED = [name for name in manifest() if name not in _OTHERS]
