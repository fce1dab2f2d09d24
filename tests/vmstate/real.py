"""Which fixtures have a description of their devices."""

from tests.conftest import manifest

#: Fixtures that QEMU ended with a JSON text, and that can be read up to it.
DESCRIBED = [
    name
    for name in manifest()
    # The description of 7.2, which wrote `compress`, has no configuration.
    if name not in {"no-vmdesc", "no-footers-no-vmdesc", "no-configuration", "killed", "compress"}
]
