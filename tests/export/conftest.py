"""Fixtures shared by the tests of exports."""

from tests.cli.conftest import run
from tests.stream.libvirt.conftest import samples

__all__ = ["run", "samples"]
