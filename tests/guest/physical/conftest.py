"""Fixtures of other tests: the command, and the images of libvirt."""

from tests.cli.conftest import run
from tests.stream.libvirt.conftest import samples

__all__ = ["run", "samples"]
