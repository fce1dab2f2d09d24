"""A plugin of pytest that records the first failing test: `-p tools.mutants.witness`.

The environment variable `WITNESS` names the file to write. If a test file cannot be imported, its
name is recorded.
"""

import os
from pathlib import Path

import pytest

WITNESS = "MUTANTS_WITNESS"
#: Read while the plugin is loaded: `tests/conftest.py` clears the environment.
_PATH = Path(os.environ.get(WITNESS, os.devnull))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Record a file that cannot be imported."""
    if report.failed:
        _write(report.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record a test that fails, or whose fixtures do."""
    if report.failed:
        _write(report.nodeid)


def _write(nodeid: str) -> None:
    if not _PATH.exists():
        _PATH.write_text(nodeid, encoding="utf-8")
