"""Internal snapshots of real guests: same memory, and QEMU loads what `convert` takes out."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

import mappedram
from mappedram import DiskImage
from mappedram.export.mapped_ram import OutputLayout
from tests.qemu.test_fresh import BY_NAME, binary
from tools.qemu import Machine, find
from tools.qemu.machine import MAPPED_RAM, NEWER, QemuDiedError

pytestmark = [
    pytest.mark.qemu,
    pytest.mark.skipif(not shutil.which("qemu-img"), reason="no qemu-img: run tools/install"),
]
MIB = 1 << 20
#: ROMs hide the RAM of a PC below 1 MiB.
SEEN = (MIB, 15 * MIB)
#: Sizes of clusters, versions, and sizes of disks, some beside the end of an L1 entry.
IMAGES = {
    "4k": ("cluster_size=4096", 3 * MIB),
    "64k": ("cluster_size=65536", 8 * MIB),
    "2m": ("cluster_size=2097152", 8 * MIB),
    "v2": ("compat=0.10,cluster_size=65536", 512 * MIB),
    "extended": ("cluster_size=65536,extended_l2=on", 257 * MIB),
}
WAYS = {"10-plain": (None, ()), "11-plain": (NEWER, ()), "11-mapped-ram": (NEWER, MAPPED_RAM)}


def emulator(way: str) -> Path:
    beside, _ = WAYS[way]
    found = find(beside=beside) if beside else binary("x86_64")
    if found is None:
        pytest.skip("no newer QEMU: run tools/qemu/install-newer")
    return found


def arguments(way: str, folder: Path, disk: Path | None, *, blank: bool = False) -> list[str]:
    name = "pc-11" if WAYS[way][0] else "pc"
    drive = ["-drive", f"if=none,id=disk0,format=qcow2,file={disk}"] if disk else []
    return [*BY_NAME[name].prepare(folder, blank=blank), *drive]


def created(folder: Path, kind: str) -> Path:
    options, size = IMAGES[kind]
    path = folder / "disk.qcow2"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, str(path), str(size)]
    subprocess.run(command, check=True)
    return path


def saved(way: str, folder: Path, disk: Path) -> bytes:
    """Make a snapshot of the disk alone and one with the guest; return the guest's memory."""
    subprocess.run(["qemu-img", "snapshot", "-c", "disk", str(disk)], check=True)
    with Machine(emulator(way), arguments(way, folder, disk)) as guest:
        guest.configure(WAYS[way][1], None)
        if WAYS[way][0]:
            node = next(one["inserted"]["node-name"] for one in guest.qmp("query-block"))
            guest.qmp("snapshot-save", job_id="save", tag="état", vmstate=node, devices=[node])
            guest.wait_until(lambda: _concluded(guest, "save"), "snapshot-save")
        else:
            assert guest.hmp("savevm état") == ""
        guest.pmemsave(*SEEN, folder / "memory")
    return (folder / "memory").read_bytes()


def _concluded(guest: Machine, job: str) -> bool:
    (found,) = (one for one in guest.qmp("query-jobs") if one["id"] == job)
    if found["status"] != "concluded":
        return False
    assert "error" not in found, found
    return True


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", IMAGES)
def test_memory(kind: str, way: str, tmp_path: Path) -> None:
    disk = created(tmp_path, kind)
    memory = saved(way, tmp_path, disk)
    with mappedram.open(disk) as snapshot:
        assert snapshot.block["pc.ram"].read(*SEEN) == memory
        assert snapshot.stream.mapped_ram == bool(WAYS[way][1])
    report = mappedram.check(disk)
    assert report.verdict == "clean"
    assert {one.code for one in report.findings} <= {"MR012"}
    assert {one.verdict for one in map(mappedram.check, _converted(disk, tmp_path))} == {"clean"}


def _converted(disk: Path, folder: Path) -> list[Path]:
    targets = [folder / "out.mapped-ram", folder / "out.stream"]
    mappedram.convert(disk, targets[0], "mapped-ram", layout=OutputLayout(channels=2))
    mappedram.convert(DiskImage(disk, "état"), targets[1], "stream")
    return targets


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["4k", "2m"])
def test_qemu_loads_what_was_taken_out(kind: str, way: str, tmp_path: Path) -> None:
    disk = created(tmp_path, kind)
    memory = saved(way, tmp_path, disk)
    with_mapped_ram, stream = _converted(disk, tmp_path)
    for path, capabilities in ((with_mapped_ram, MAPPED_RAM), (stream, ())):
        argv = arguments(way, tmp_path, disk, blank=True)
        with Machine(emulator(way), argv, incoming=True) as guest:
            guest.load(path, capabilities=capabilities)
            guest.pmemsave(*SEEN, tmp_path / "loaded")
        assert (tmp_path / "loaded").read_bytes() == memory


def test_snapshots_over_each_other(tmp_path: Path) -> None:
    """A disk that grows, a snapshot that is deleted, and one that shares old clusters."""
    way, memory = "11-mapped-ram", {}
    disk = created(tmp_path, "4k")
    argv = arguments(way, tmp_path, disk)
    with Machine(emulator(way), argv) as guest:
        guest.configure(MAPPED_RAM, None)
        for name in ("gone", "one", "two"):
            if name == "two":
                assert guest.hmp("delvm gone") == ""
                guest.hmp("cont")
                guest.hmp("stop")
            assert guest.hmp(f"savevm {name}") == ""
            guest.pmemsave(*SEEN, tmp_path / "memory")
            memory[name] = (tmp_path / "memory").read_bytes()
    subprocess.run(["qemu-img", "resize", "-q", str(disk), "5M"], check=True)
    argv = arguments(way, tmp_path, disk)
    with Machine(emulator(way), argv) as guest:
        guest.configure(MAPPED_RAM, None)
        assert guest.hmp("savevm grown") == ""
        guest.pmemsave(*SEEN, tmp_path / "memory")
        memory["grown"] = (tmp_path / "memory").read_bytes()
    found = mappedram.internal_snapshots(disk)
    assert [one.name for one in found] == ["one", "two", "grown"]
    assert [one.disk_size for one in found] == [3 * MIB, 3 * MIB, 5 * MIB]
    for one in found:
        image = DiskImage(disk, one.name)
        with mappedram.open(image) as snapshot:
            assert snapshot.block["pc.ram"].read(*SEEN) == memory[one.name]
        assert mappedram.check(image).verdict == "clean"
        # Where the disk has grown, old clusters are in other places than those of pages.
        assert mappedram.repair(image, tmp_path / one.name).report.findings == ()


def test_what_qemu_refuses(tmp_path: Path) -> None:
    """No snapshot with `multifd`, and none of a disk with an external data file."""
    way = "11-mapped-ram"
    disk = created(tmp_path, "64k")
    with Machine(emulator(way), arguments(way, tmp_path, disk)) as guest:
        guest.configure((*MAPPED_RAM, "multifd"), None)
        assert "multifd" in guest.hmp("savevm one")
    disk.unlink()
    options = f"data_file={tmp_path / 'data'}"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, str(disk), "8M"]
    subprocess.run(command, check=True)
    # QEMU 11.1.3 dies of it: an assertion in bdrv_co_write_req_prepare().
    with suppress(QemuDiedError), Machine(emulator(way), arguments(way, tmp_path, disk)) as guest:
        assert guest.hmp("savevm one") != ""
    assert mappedram.internal_snapshots(disk) == ()
