"""The save images, as the tests of libvirt have them, and the command."""

from tests.cli.conftest import run
from tests.stream.libvirt.conftest import samples

__all__ = ["run", "samples"]
