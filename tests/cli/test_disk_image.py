"""Every verb reads the internal snapshots of a disk image, and none writes into it."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

import mappedram
from mappedram import DiskImage
from tests.cli.conftest import Run
from tests.conftest import DiskImages
from tests.io.qcow2.images import Cluster, Image, Snapshot

TWO = "savevm-mapped-ram"


def test_list(run: Run, disk_images: DiskImages) -> None:
    """Without a choice, `info` lists the snapshots; the disk is one of them."""
    path = disk_images[TWO]
    done = run("info", path)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[1] == "container     qcow2 image, version 3, clusters of 4 KiB, disk of 3 MiB"
    assert lines[2] == "snapshot      none chosen; --snapshot NAME or ID shows one"
    table = [line.split() for line in lines[lines.index("Snapshots") + 1 :]]
    assert [row[:3] for row in table] == [
        ["id", "name", "vm_size"],
        ["1", "disk", "-"],
        ["2", "first", table[2][2]],
        ["3", "second", table[3][2]],
    ]


def test_list_for_programs(run: Run, disk_images: DiskImages) -> None:
    found = json.loads(run("info", "--output", "json", disk_images[TWO]).out)
    assert found["container"] == "qcow2"
    image = found["qcow2"]
    assert (image["version"], image["cluster_size"], image["features"]) == (3, 4096, [])
    assert image["snapshot"] is None
    assert [(one["id"], one["name"]) for one in image["snapshots"]] == [
        ("1", "disk"),
        ("2", "first"),
        ("3", "second"),
    ]
    assert [bool(one["vm_state_size"]) for one in image["snapshots"]] == [False, True, True]


def test_info_of_one(run: Run, disk_images: DiskImages) -> None:
    found = json.loads(run("info", "--output", "json", disk_images["savevm-plain"]).out)
    assert (found["qcow2"]["snapshot"], found["mapped_ram"]) == (0, False)
    assert found["stream_offset"] == 0
    done = run("info", "--snapshot", "first", disk_images[TWO])
    assert "snapshot      first (id 2); offsets count from its beginning" in done.out
    extended = run("info", disk_images["savevm-extended-l2"])
    assert "features      extl2" in extended.out


@pytest.mark.parametrize(
    "verb",
    [
        ("check",),
        ("info",),
        ("layout",),
        ("map", "--below-4g", "1M"),
        ("state",),
        ("dump", "-b", "ram", "--at", "0,16"),
        ("search", "-b", "ram", "x"),
        ("restore-hint",),
    ],
)
def test_choice(verb: tuple[str, ...], run: Run, disk_images: DiskImages) -> None:
    """A name that is not there, and none where there are several, are wrong usage."""
    path = disk_images[TWO]
    done = run(*verb, "--snapshot", "third", path)
    listed = "'disk' (id 1), 'first' (id 2), 'second' (id 3)"
    assert done.status == 64
    assert done.err == (
        f"mappedram: {path}: no snapshot 'third'; there is {listed}; choose one with --snapshot\n"
    )
    if verb != ("info",):
        done = run(*verb, path)
        assert done.status == 64
        assert "several snapshots with the state of a guest: 'first' (id 2), 'second'" in done.err
    assert run(*verb, "--snapshot", "disk", path).status == 63


def test_snapshot_of_another_file(run: Run, fixtures: object, tmp_path: Path) -> None:
    del fixtures
    (tmp_path / "file").write_bytes(b"QEVM\0\0\0\3")
    done = run("check", "--snapshot", "x", tmp_path / "file")
    assert done.status == 63
    assert "no qcow2 image" in done.out + done.err


@pytest.mark.parametrize("name", ["first", "second", "2", "3"])
def test_check(name: str, run: Run, disk_images: DiskImages) -> None:
    done = run("check", "--rebuild", "--snapshot", name, "--output", "json", disk_images[TWO])
    (report,) = json.loads(done.out)
    assert (done.status, report["verdict"]) == (0, "clean")
    assert report["file"] == str(disk_images[TWO])
    assert {one["identical"] for one in report["rebuilt"].values()} == {True}
    codes = {one["code"] for one in report["findings"]}
    assert codes == ({"MR303"} if name in ("second", "3") else set())


def test_marked_bytes(run: Run, disk_images: DiskImages) -> None:
    """The bytes of a finding come from the snapshot, not from the image."""
    path = disk_images[TWO]
    done = run("check", "--snapshot", "second", path)
    (line,) = (line for line in done.out.splitlines() if line.startswith("    0x"))
    with mappedram.open(DiskImage(path, "second")) as snapshot:
        data = snapshot.source.read(int(line.split()[0], 16), 16)
    assert line.split()[1:17] == data.hex(" ").split()


@pytest.mark.parametrize("form", ["mapped-ram", "stream"])
@pytest.mark.parametrize("driver", ["construct", "kaitai"])
def test_memory(form: str, driver: str, run: Run, disk_images: DiskImages, tmp_path: Path) -> None:
    """What `convert` takes out has the memory that the guest had, read as before."""
    for name, entry in disk_images.manifest.items():
        for snapshot, digest in entry["memory"].items():
            if digest is None or (driver == "kaitai" and not entry["capabilities"]):
                continue
            out = tmp_path / f"{name}-{snapshot}"
            words = ("--driver", driver, "--snapshot", snapshot, disk_images[name], out)
            assert run("convert", "-O", form, *words).status == 0
            assert run("check", out).status == 0
            for file in (out, DiskImage(disk_images[name], snapshot)):
                target = tmp_path / "ram"
                mappedram.extract(file, out=target, blocks=["ram"], force=True)
                assert hashlib.sha256(target.read_bytes()).hexdigest() == digest


def test_both_snapshots(run: Run, disk_images: DiskImages, tmp_path: Path) -> None:
    path = disk_images[TWO]
    done = run("diff", path, path, "--snapshot-a", "first", "--snapshot-b", "3")
    assert (done.status, done.out) == (1, "ram 0x10000-0x18000: 8 pages differ\n")
    assert run("build", "--from", path, "--snapshot", "2", tmp_path / "built").status == 0
    assert run("diff", path, tmp_path / "built", "--snapshot-a", "2").status == 0
    packed = tmp_path / "packed"
    assert run("metadump", "--snapshot", "second", path, packed).status == 0
    (report,) = json.loads(run("check", "--output", "json", packed).out)
    assert {one["code"] for one in report["findings"]} == {"MR303"}


def test_hint(run: Run, disk_images: DiskImages) -> None:
    path = disk_images["savevm-plain"]
    found = json.loads(run("restore-hint", "--output", "json", path).out)
    form, name = "stream", "before-update"
    stream = f"{path}.stream"
    convert = ["mappedram", "convert", "-O", form, "--snapshot", name, str(path), stream]
    assert found["unpack"] == convert
    assert "# `loadvm` on the monitor. Without that disk" in run("restore-hint", path).out


def test_repair_never_writes_into_an_image(
    run: Run, disk_images: DiskImages, tmp_path: Path
) -> None:
    path = tmp_path / "disk.qcow2"
    shutil.copyfile(disk_images[TWO], path)
    before = path.read_bytes()
    for words in (("--snapshot", "second"), ()):
        done = run("repair", "--in-place", *words, path)
        assert done.status in (1, 64)
    assert (
        "a disk image is never changed" in run("repair", "--in-place", "--snapshot", "2", path).err
    )
    out = tmp_path / "out"
    assert run("repair", "--snapshot", "second", path, out).status == 0
    assert run("check", out).out.endswith("clean (0 errors, 0 warnings, 0 infos)\n")
    for verb in (("repair",), ("convert", "-O", "stream"), ("metadump",)):
        done = run(*verb, "--snapshot", "second", path, path, "--force")
        assert (done.status, "is a disk image, which is never overwritten" in done.err) == (1, True)
    assert path.read_bytes() == before


def test_image_without_a_state(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "disk.qcow2"
    path.write_bytes(Image((Snapshot("disk", values={"vm_state_size_large": 0}),)).build())
    done = run("info", path)
    assert done.status == 0
    assert "snapshot      none with the state of a guest\n" in done.out
    done = run("extract", path, "-d", tmp_path / "ram")
    assert done.status == 63
    assert "without the state of a guest: it has 1 snapshot, of the disk alone" in done.err


def test_marks_of_an_image(run: Run, tmp_path: Path) -> None:
    """What QEMU says of the image is shown; it reads such an image, too."""
    image = Image((Snapshot("one", {0: Cluster(b"QEVM\0\0\0\3\0".ljust(4096, b"\0"))}),))
    path = tmp_path / "disk.qcow2"
    path.write_bytes(image.changed(incompatible_features=3).build())
    assert "features      dirty, corrupt\n" in run("info", path).out


def test_damaged_image(run: Run, disk_images: DiskImages, tmp_path: Path) -> None:
    data = disk_images["savevm-plain"].read_bytes()
    path = tmp_path / "disk.qcow2"
    path.write_bytes(data[:4096])
    done = run("info", path)
    assert done.status == 1
    assert "within the snapshot table" in done.err
    path.write_bytes(data[:32] + b"\0\0\0\2" + data[36:])
    assert run("info", path).status == 63
    assert "encrypted (LUKS)" in run("check", path).out
