"""`qemu-img` writes what we read, and reads what the tests build."""

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mappedram.io.opening import internal_snapshots, open_source
from tests.io.qcow2.images import Cluster, Image, Snapshot

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="no qemu-img")
MIB = 1 << 20


def qemu_img(*arguments: object) -> str:
    words = ["qemu-img", *map(str, arguments)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three MiB: pages of zeros, of text, and of random bytes; the last ones are not zero."""
    generator = random.Random(1)
    pages = [
        generator.choice([bytes(4096), b"text" * 1024, generator.randbytes(4096)])
        for _ in range(3 * MIB // 4096)
    ]
    path = tmp_path_factory.mktemp("raw") / "raw"
    path.write_bytes(b"".join([b"QEVM" * 1024, *pages[2:], b"end." * 1024]))
    return path


def as_vm_state(path: Path) -> None:
    """Let the table say of the only snapshot that the disk had no size when it was made.

    Its VM state then begins where the disk does, and has its bytes.
    """
    (entry,) = internal_snapshots(path)
    with path.open("r+b") as file:
        file.seek(entry.offset + 40)
        file.write((1).to_bytes(8, "big") + bytes(8))


@pytest.mark.parametrize(
    ("options", "extra"),
    [
        *((f"cluster_size={1 << bits}", ()) for bits in (9, 12, 16, 21)),
        ("compat=0.10", ()),
        ("compat=0.10,cluster_size=4096", ("-c",)),
        ("cluster_size=65536", ("-c",)),
        ("cluster_size=2097152", ("-c",)),
        ("cluster_size=4096,compression_type=zstd", ("-c",)),
        ("cluster_size=16384,extended_l2=on", ()),
        ("cluster_size=2097152,extended_l2=on", ()),
        ("cluster_size=65536,extended_l2=on,compression_type=zstd", ("-c",)),
    ],
)
def test_clusters(raw: Path, tmp_path: Path, options: str, extra: tuple[str, ...]) -> None:
    path = tmp_path / "image.qcow2"
    qemu_img("convert", *extra, "-O", "qcow2", "-o", options, raw, path)
    qemu_img("snapshot", "-c", "one", path)
    as_vm_state(path)
    with open_source(path) as source:
        whole = raw.read_bytes()
        assert source.read(0, len(whole)) == whole
        assert source.size == len(whole) + -len(whole) % _cluster_size(path)
        data = b"".join(
            bytes(start - before) + source.read(start, end - start)
            for (_, before), (start, end) in _pairs(list(source.extents(0, source.size)))
        )
        assert data.ljust(source.size, b"\0")[: len(whole)] == whole


def _cluster_size(path: Path) -> int:
    return 1 << int.from_bytes(path.read_bytes()[20:24], "big")


def _pairs(extents: list[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return list(zip([(0, 0), *extents], extents, strict=False))


def test_holes_of_a_new_disk(tmp_path: Path) -> None:
    """Nothing is allocated for zeros, and a cluster that became zero is none."""
    path = tmp_path / "image.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", path, "1M")
    for command in ("write -P 1 0 8192", "write -P 2 65536 4096", "write -z 4096 4096"):
        subprocess.run(["qemu-io", "-c", command, path], check=True, capture_output=True)
    qemu_img("snapshot", "-c", "one", path)
    as_vm_state(path)
    with open_source(path) as source:
        assert list(source.extents(0, source.size)) == [(0, 4096), (65536, 65536 + 4096)]


def listed(path: Path) -> list[dict[str, Any]]:
    """What `qemu-img` says of the snapshots."""
    found: list[dict[str, Any]] = json.loads(qemu_img("info", "--output=json", path))["snapshots"]
    return found


def assert_same_list(path: Path) -> None:
    theirs = listed(path)
    assert theirs
    for ours, said in zip(internal_snapshots(path), theirs, strict=True):
        assert (ours.id, ours.name) == (said["id"], said["name"])
        assert ours.vm_state_size == said["vm-state-size"]
        assert (ours.date_sec, ours.date_nsec) == (said["date-sec"], said["date-nsec"])
        clock = said["vm-clock-sec"] * 10**9 + said["vm-clock-nsec"]
        assert ours.vm_clock_nsec == clock
        assert ours.icount == said.get("icount")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("extra", [0, 8, 16, 24, 37])
def test_lists_of_what_we_build(version: int, extra: int, tmp_path: Path) -> None:
    """Entries with less and with more extra data than there is today."""
    fields = {
        "vm_state_size": 5,
        "extra_data_size": extra,
        "vm_state_size_large": 1 << 33 if extra >= 8 else None,
        "disk_size": 1 << 20 if extra >= 16 else None,
        "icount": 77 if extra >= 24 else None,
        "unknown_extra_data": bytes(max(0, extra - 24)),
    }
    state = {0: Cluster(b"QEVM" * 1024)}
    path = tmp_path / "image.qcow2"
    snapshots = [Snapshot("a"), Snapshot("état 2", state, fields), Snapshot("", state)]
    path.write_bytes(Image(snapshots, version=version).build())
    assert_same_list(path)


def test_list_of_many(tmp_path: Path) -> None:
    path = tmp_path / "image.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", path, "1M")
    for number in range(12):
        qemu_img("snapshot", "-c", f"{number:03}" * (1 + 9 * number), path)
    assert_same_list(path)
    assert len(internal_snapshots(path)) == 12
