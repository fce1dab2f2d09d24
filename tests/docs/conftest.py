"""Fixtures of the command line serve here too."""

from tests.cli.conftest import run

__all__ = ["run"]
