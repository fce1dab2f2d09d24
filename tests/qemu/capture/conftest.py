"""The command, as the tests of the other verbs run it."""

from tests.cli.conftest import run

__all__ = ["run"]
