"""The save images of libvirt's tests, and the command."""

from tests.cli.conftest import run
from tests.stream.libvirt.conftest import samples

__all__ = ["run", "samples"]
