"""What the tests of exports share."""

from tests.cli.conftest import run

__all__ = ["run"]
