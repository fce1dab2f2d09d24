"""The drivers, each built on first use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance import toolchains
from tests.conformance.toolchains import Built


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a pytest run share."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "conformance"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def driver(workshop: Path) -> Callable[[str], Built]:
    """Return the driver of a language; skip the test if its tools are missing."""

    def build(language: str) -> Built:
        if lacking := toolchains.missing(language):
            pytest.skip(f"{language} needs {', '.join(lacking)}: run tools/install")
        return toolchains.build(language, workshop)

    return build
