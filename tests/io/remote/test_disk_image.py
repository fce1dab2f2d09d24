"""A snapshot inside a disk image on a server."""

import hashlib

import pytest

import mappedram
from mappedram import DiskImage
from mappedram.io.qcow2 import VmStateSource
from tests.conftest import DiskImages
from tests.io.remote.serving import Server

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install 'mappedram[remote]'")


@pytest.mark.parametrize("name", ["savevm-mapped-ram", "savevm-extended-l2"])
def test_memory(name: str, server: Server, disk_images: DiskImages) -> None:
    """Tables and clusters come in ranges; the disk itself is not fetched."""
    (server.folder / "disk.qcow2").symlink_to(disk_images[name])
    for snapshot, digest in disk_images.manifest[name]["memory"].items():
        if digest is None:
            continue
        image = DiskImage(server.at("disk.qcow2"), snapshot)
        with mappedram.open(image) as opened:
            assert isinstance(opened.source, VmStateSource)
            assert opened.source.is_remote
            memory = opened.block["ram"].read(0, 1 << 20)
        assert hashlib.sha256(memory).hexdigest() == digest
        assert mappedram.check(image).verdict == "clean"


def test_list(server: Server, disk_images: DiskImages) -> None:
    (server.folder / "disk.qcow2").symlink_to(disk_images["savevm-mapped-ram"])
    found = mappedram.internal_snapshots(server.at("disk.qcow2"))
    assert [one.name for one in found] == ["disk", "first", "second"]
    assert len(server.requests) <= 3
