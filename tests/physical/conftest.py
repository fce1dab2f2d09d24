"""The command, and the images of libvirt, as other tests have them."""

from tests.cli.conftest import run
from tests.libvirt.conftest import samples

__all__ = ["run", "samples"]
