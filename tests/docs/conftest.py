"""Fixtures of others serve here too."""

from tests.cli.conftest import run
from tests.libvirt.conftest import samples

__all__ = ["run", "samples"]
