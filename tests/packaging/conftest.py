"""The wheel and the sdist, built once, and an environment with each."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.docs.site import ROOT
from tools.package.environment import Environment


@dataclass(frozen=True)
class Built:
    """Archives of a release."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Wheel and sdist of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return Built(wheel, sdist)


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel."""
    return Environment.made(tmp_path_factory.mktemp("environment"), built.wheel)
