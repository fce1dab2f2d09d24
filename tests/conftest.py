"""What all tests share: Hypothesis profiles and the fixtures that a real QEMU wrote."""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tools.unpack import unpack

FIXTURES = Path(__file__).parent / "fixtures"

settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, print_blob=True, max_examples=100
)
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "night",
    deadline=None,
    max_examples=20_000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@dataclass(frozen=True)
class Fixture:
    """A file that QEMU wrote, unpacked with its holes, and how it was made."""

    name: str
    path: Path
    offset: int
    manifest: dict[str, Any]


@cache
def manifest() -> dict[str, dict[str, Any]]:
    """What `tools/qemu` noted of each fixture, by name."""
    document = json.loads((FIXTURES / "manifest.json").read_text(encoding="utf-8"))
    entries: dict[str, dict[str, Any]] = document.get("fixtures", document)
    return entries


class Fixtures:
    """The fixtures, each unpacked when it is first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __getitem__(self, name: str) -> Fixture:
        target = self._directory / name
        if not target.exists():
            unpack(FIXTURES / f"{name}.tar.gz", target)
        (path,) = target.iterdir()
        entry = manifest()[name]
        return Fixture(name, path, int(entry.get("offset", 0)), entry)


@pytest.fixture(scope="session")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Fixtures:
    """The files that a real QEMU wrote. Tests must not change them; copy first."""
    return Fixtures(tmp_path_factory.mktemp("fixtures"))
