"""The fixtures of the command line tests, and the save images."""

from tests.cli.conftest import run
from tests.stream.libvirt.conftest import samples

__all__ = ["run", "samples"]
