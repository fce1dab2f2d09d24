"""Which fixtures have a description of their devices."""

from tests.conftest import UNFINISHED, manifest

#: Fixtures that QEMU ended with a JSON text, and that can be read up to it.
#: The description of 7.2, which wrote `compress`, has no configuration.
_OTHERS = {
    "no-vmdesc",
    "no-footers-no-vmdesc",
    "no-configuration",
    "compress",
    "devices-only",
    *UNFINISHED,
}
DESCRIBED = [name for name in manifest() if name not in _OTHERS]
