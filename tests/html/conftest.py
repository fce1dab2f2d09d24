"""Make pages of files that a real QEMU and a real libvirt wrote."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run, run
from tests.conftest import Fixtures
from tests.html.parsed import Node, Page
from tests.stream.libvirt.conftest import samples
from tests.stream.libvirt.samples import Samples

__all__ = ["Files", "MakePage", "run", "samples"]

Files = Callable[[str], tuple[object, ...]]
MakePage = Callable[..., Node]


@pytest.fixture
def files(fixtures: Fixtures, samples: Samples) -> Files:
    """Arguments for a file, with the offset of the stream."""

    def files(name: str) -> tuple[object, ...]:
        if name.startswith("libvirt-"):
            return (samples[name.removeprefix("libvirt-")].path,)
        return fixtures[name].path, "--offset", fixtures[name].offset

    return files


@pytest.fixture
def page(tmp_path: Path, run: Run) -> MakePage:
    """Make a page of a file, and parse it."""

    def page(*args: object, status: int = 0) -> Node:
        out = tmp_path / "page.html"
        outcome = run("layout", "--html", out, "--force", *args)
        assert (outcome.status, outcome.out) == (status, "")
        return Page.of(out).root

    return page
