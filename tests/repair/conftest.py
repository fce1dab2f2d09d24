"""The command, as in the tests of the other verbs."""

from tests.cli.conftest import run

__all__ = ["run"]
