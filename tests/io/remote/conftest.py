"""Servers, and a snapshot of ten RAM blocks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Fixtures
from tests.io.remote.serving import Server, serving
from tools.qemu.machine import Machine, find

#: A machine with ten RAM blocks; its memory does not matter, as nothing reads it.
ARGS = (
    *("-machine", "q35", "-m", "5G", "-vga", "std"),
    *("-device", "virtio-net-pci", "-device", "e1000e"),
    *("-device", "virtio-scsi-pci", "-device", "qemu-xhci"),
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of the files in `tmp_path`."""
    with serving(tmp_path) as started:
        yield started


@pytest.fixture
def pc(server: Server, fixtures: Fixtures) -> Path:
    """A snapshot that the server has as `pc`."""
    path = server.folder / "pc"
    path.symlink_to(fixtures["pc"].path)
    return path


@pytest.fixture(scope="session")
def ten_blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of 5 GiB with ten RAM blocks, by QEMU."""
    qemu = find()
    if qemu is None:
        pytest.skip("qemu-system-x86_64 is not installed: run tools/install")
    path = tmp_path_factory.mktemp("ten") / "ten"
    with Machine(qemu, ARGS) as machine:
        machine.save(path)
    return path
