"""Fixtures of other tests, used here too."""

from tests.cli.conftest import run
from tests.stream.libvirt.conftest import samples

__all__ = ["run", "samples"]
