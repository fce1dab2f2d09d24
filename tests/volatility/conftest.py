"""The save images, as the tests of libvirt have them, and the command."""

from tests.cli.conftest import run
from tests.libvirt.conftest import samples

__all__ = ["run", "samples"]
