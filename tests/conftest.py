"""Shared parts of all tests: Hypothesis profiles and the fixtures that a real QEMU wrote."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import hermetic
from tests.watching import Watch
from tools.unpack import unpack

SCRATCH = hermetic.settle()
#: The environment in which the tests start; a library that a test calls can add to it.
ENVIRONMENT = dict(os.environ)
FIXTURES = Path(__file__).parent / "fixtures"
#: Fixtures of saves that did not finish.
UNFINISHED = frozenset({"killed", "ignore-shared-failed"})

settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, print_blob=True, max_examples=100
)
#: For `tools.mutants`: failing examples need not be shrunk, and a few find most failures.
settings.register_profile(
    "mutants", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate]
)
settings.register_profile("mutants-few", settings.get_profile("mutants"), max_examples=8)
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
    """A file that QEMU wrote, unpacked with its holes, and its description."""

    name: str
    path: Path
    offset: int
    manifest: dict[str, Any]


@cache
def manifest() -> dict[str, dict[str, Any]]:
    """Descriptions of the fixtures by `tools/qemu`, by name."""
    document = json.loads((FIXTURES / "manifest.json").read_text(encoding="utf-8"))
    entries: dict[str, dict[str, Any]] = document.get("fixtures", document)
    return entries


@cache
def templates() -> dict[str, dict[str, Any]]:
    """The same for files without the memory of the guest."""
    text = (FIXTURES / "templates.json").read_text(encoding="utf-8")
    entries: dict[str, dict[str, Any]] = json.loads(text)
    return entries


class Fixtures:
    """The fixtures, each unpacked on first use."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __getitem__(self, name: str) -> Fixture:
        target = self._directory / name
        if not target.exists():
            unpack(FIXTURES / f"{name}.tar.gz", target)
        (path,) = target.iterdir()
        entry = manifest().get(name) or templates()[name]
        return Fixture(name, path, int(entry.get("offset", 0)), entry)


@pytest.fixture(scope="session")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Fixtures:
    """The files that a real QEMU wrote. Tests must not change them; copy first."""
    return Fixtures(tmp_path_factory.mktemp("fixtures"))


class DiskImages:
    """The qcow2 images of `tools.qemu.disk_images`, each unpacked on first use."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        text = (FIXTURES / "disk_images.json").read_text(encoding="utf-8")
        #: Descriptions of the images by name.
        self.manifest: dict[str, dict[str, Any]] = json.loads(text)

    def __getitem__(self, name: str) -> Path:
        target = self._directory / name
        if not target.exists():
            unpack(FIXTURES / f"{name}.tar.gz", target)
        return target / str(self.manifest[name]["file"])


@pytest.fixture(scope="session")
def disk_images(tmp_path_factory: pytest.TempPathFactory) -> DiskImages:
    """The images that a real QEMU wrote. Tests must not change them; copy first."""
    return DiskImages(tmp_path_factory.mktemp("disk_images"))


@pytest.fixture(scope="session")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """Observer of writes outside temporary folders and declared caches."""
    base = tmp_path_factory.getbasetemp()
    return Watch(SCRATCH, base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(autouse=True)
def nothing_is_written_elsewhere(watch: Watch) -> Iterator[None]:
    """Fail a test that writes outside its own places."""
    with watch.noted() as noted:
        yield
    assert not noted, "written outside of temporary folders and declared caches"
