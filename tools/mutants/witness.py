"""A plugin of pytest that writes down the first test that fails: `-p tools.mutants.witness`.

The file to write to is in the environment, under `WITNESS`. Where a test file cannot be imported,
it is that file.
"""

import os
from pathlib import Path

import pytest

WITNESS = "MUTANTS_WITNESS"
#: Looked up while the plugin is loaded: `tests/conftest.py` empties the environment.
_PATH = Path(os.environ.get(WITNESS, os.devnull))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot be imported."""
    if report.failed:
        _write(report.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test that fails, or whose fixtures do."""
    if report.failed:
        _write(report.nodeid)


def _write(nodeid: str) -> None:
    if not _PATH.exists():
        _PATH.write_text(nodeid, encoding="utf-8")
