"""What the command line tests share, and the save images."""

from tests.cli.conftest import run
from tests.libvirt.conftest import samples

__all__ = ["run", "samples"]
