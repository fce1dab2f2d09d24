"""The save images of libvirt stand beside the fixtures here; and the command can be run."""

from tests.cli.conftest import run
from tests.stream.libvirt.conftest import samples

__all__ = ["run", "samples"]
