"""File systems and devices as source and as target: the same results as in a local folder."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from errno import EIO
from pathlib import Path
from struct import pack

import pytest

import mappedram
from mappedram.io.opening import open_source
from tests.cli.conftest import Outcome, Run, run
from tests.io.system import places
from tests.io.system.faults import answering, failing
from tests.io.system.verbs import MIB, NAMES, PAGE, READING, WRITING, Place, make

__all__ = ["run"]

Maker = Callable[..., Iterator[Path]]
#: Other bytes on a device.
GARBAGE = b"\xee" * 4096
#: Size of a device in bytes; larger than any output.
DEVICE = 16 * MIB
INPUTS = [NAMES[word] for word in ("FILE", "STREAM", "RAW")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make(tmp_path_factory.mktemp("home"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder for the places."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def device_of(folder: Path, *contents: Path) -> Path:
    """Image of a device: a file, followed by garbage."""
    image = folder / "device"
    with image.open("wb") as stream:
        for path in contents:
            stream.write(path.read_bytes())
        while stream.tell() < DEVICE:
            stream.write(GARBAGE[stream.tell() % len(GARBAGE) :])
    return image


def told(outcome: Outcome, *folders: Path) -> tuple[int, str, str]:
    """Output of a verb, without paths and sizes of holes."""
    out, err = re.sub("(?m)^size .*", "", outcome.out), outcome.err
    for folder in folders:
        out, err = out.replace(str(folder), "DIR"), err.replace(str(folder), "DIR")
    return outcome.status, out, err


def expected(verb: str, home: Place, run: Run) -> tuple[Outcome, bytes]:
    """Output of a verb in a local folder, and the bytes that it writes."""
    home.reset()
    outcome = run(*home.command(verb))
    name = "old" if verb == "replace" else "out"
    written = home.folder / name
    return outcome, written.read_bytes() if written.exists() else b""


def paths_of(folder: Path) -> dict[str, Path]:
    return {word: folder / NAMES[word] for word in ("FILE", "STREAM", "RAW")}


def copied(home: Place, disk: Path) -> None:
    for name in INPUTS:
        shutil.copyfile(home.folder / name, disk / name)


@pytest.fixture(params=places.WRITABLE + places.READ_ONLY, ids=lambda maker: maker.__name__)
def source(request: pytest.FixtureRequest, folder: Path, home: Place) -> Iterator[Path]:
    """A folder with the inputs, on each file system."""
    maker: Maker = request.param
    home.reset()
    if maker in places.READ_ONLY:
        with places.asked(maker, folder, home.folder) as disk:
            yield disk
    else:
        with places.asked(maker, folder) as disk:
            copied(home, disk)
            yield disk


def test_every_file_system_as_source(source: Path, home: Place, run: Run, tmp_path: Path) -> None:
    for verb in READING | WRITING:
        right, wanted = expected(verb, home, run)
        (tmp_path / "old").write_bytes(b"old")
        others = paths_of(source) | {"OUT": tmp_path / "out", "OLD": tmp_path / "old"}
        outcome = run(*home.command(verb, **others))
        written = tmp_path / ("old" if verb == "replace" else "out")
        assert outcome.status == right.status, outcome
        if verb in READING and verb != "layout":  # which names the holes of the file
            assert told(outcome, source, tmp_path) == told(right, home.folder)
        if verb in WRITING:
            assert contents(written) == contents_of(wanted, tmp_path), verb
            (tmp_path / "out").unlink(missing_ok=True)


def contents(path: Path) -> bytes:
    """Contents of a file; of a metadump, the original, because its own bytes record holes."""
    with open_source(path) as source:
        return source.read(0, source.size)


def contents_of(data: bytes, folder: Path) -> bytes:
    (folder / "wanted").write_bytes(data)
    return contents(folder / "wanted")


@pytest.fixture(params=places.WRITABLE, ids=lambda maker: maker.__name__)
def target(request: pytest.FixtureRequest, folder: Path) -> Iterator[Path]:
    """An empty folder on each file system."""
    with places.asked(request.param, folder) as disk:
        (disk / "outputs").mkdir()
        yield disk / "outputs"


def test_every_file_system_as_target(target: Path, home: Place, run: Run) -> None:
    """The same bytes; no other file remains, and nobody else may read them."""
    for verb in WRITING:
        right, wanted = expected(verb, home, run)
        (target / "old").write_bytes(b"old")
        outcome = run(*home.command(verb, OUT=target / "out", OLD=target / "old"))
        assert outcome.status == right.status, outcome
        written = target / ("old" if verb == "replace" else "out")
        assert written.read_bytes() == wanted, verb
        assert set(os.listdir(target)) <= {"out", "old"}
        again = run(*home.command(verb, OUT=target / "out", OLD=target / "old"))
        assert again.status == (0 if verb == "replace" else 1), again
        assert verb == "replace" or "already exists" in again.err
        (target / "out").unlink(missing_ok=True)


def test_source_and_target_on_one_file_system(target: Path, home: Place, run: Run) -> None:
    """The kernel can copy here, and files can share blocks."""
    copied(home, target)
    for verb in WRITING:
        right, wanted = expected(verb, home, run)
        (target / "old").write_bytes(b"old")
        others = paths_of(target) | {"OUT": target / "out", "OLD": target / "old"}
        outcome = run(*home.command(verb, **others))
        assert outcome.status == right.status, outcome
        written = target / ("old" if verb == "replace" else "out")
        assert contents(written) == contents_of(wanted, home.folder), verb
        (home.folder / "wanted").unlink()
        (target / "out").unlink(missing_ok=True)


def test_sparse_where_holes_can_be(target: Path, home: Place, run: Run) -> None:
    """A block with 1 GiB of RAM and a few pages takes no more than these."""
    outcome = run("extract", "-b", "pc.ram", "-o", target / "out", home.folder / "guest")
    assert outcome.status == 0
    holes = (target / "out").stat().st_size - (target / "out").stat().st_blocks * 512
    assert holes > MIB


# Block devices.


@pytest.fixture(params=[*places.DEVICES, places.loop_read_only], ids=lambda maker: maker.__name__)
def device(request: pytest.FixtureRequest, folder: Path, home: Place) -> Iterator[Path]:
    """The snapshot on a block device, with garbage behind it."""
    image = device_of(folder, home.folder / "guest")
    with places.asked(request.param, image) as device:
        yield device


def test_a_block_device_as_source(device: Path, home: Place, run: Run, tmp_path: Path) -> None:
    """The same results as for the file: every verb, every byte."""
    for verb in WRITING:
        right, wanted = expected(verb, home, run)
        (tmp_path / "old").write_bytes(b"old")
        others = {"FILE": device, "OUT": tmp_path / "out", "OLD": tmp_path / "old"}
        outcome = run(*home.command(verb, **others))
        written = tmp_path / ("old" if verb == "replace" else "out")
        assert outcome.status == right.status, (verb, outcome)
        # Bytes after the end on a device are not part of the snapshot.
        length = len(contents_of(wanted, tmp_path))
        assert contents(written)[:length] == contents_of(wanted, tmp_path), verb
        if verb not in ("metadump", "unpacked"):
            assert written.stat().st_size == length, verb
        (tmp_path / "out").unlink(missing_ok=True)


def test_what_is_said_of_a_block_device(device: Path, home: Place, run: Run) -> None:
    for verb in ("check", "diff", "map"):
        right, _ = expected(verb, home, run)
        outcome = run(*home.command(verb, FILE=device))
        path = home.folder / "guest"
        assert outcome.status == right.status, verb
        assert outcome.out.replace(str(device), str(path)) == right.out, verb
    for args in (("info",), ("layout",), ("restore-hint",), ("state",)):
        right = run(*args, home.folder / "guest")
        outcome = run(*args, device)
        assert outcome.status == right.status, (args, outcome, right)
        assert outcome.err.replace(str(device), "") == right.err.replace(
            str(home.folder / "guest"), ""
        )


def test_python_reads_a_block_device(device: Path, home: Place) -> None:
    with mappedram.open(device) as snapshot, mappedram.open(home.folder / "guest") as file:
        assert snapshot.blocks[0].read(0, 4 * MIB) == file.blocks[0].read(0, 4 * MIB)
        assert snapshot.blocks[0].bitmap.count() == file.blocks[0].bitmap.count()
        assert snapshot.complete
        assert file.complete


def test_a_plain_stream_on_a_block_device(folder: Path, home: Place, run: Run) -> None:
    image = device_of(folder, home.folder / "plain")
    _, wanted = expected("from-stream", home, run)
    with places.asked(places.loop, image) as device:
        outcome = run(*home.command("from-stream", STREAM=device, OUT=folder / "out"))
        assert outcome.status == 0, outcome
    assert (folder / "out").read_bytes() == wanted


@pytest.fixture(params=places.DEVICES, ids=lambda maker: maker.__name__)
def blank(request: pytest.FixtureRequest, folder: Path) -> Iterator[Path]:
    """A block device full of garbage."""
    with places.asked(request.param, device_of(folder)) as device:
        yield device


def garbage_on(device: Path) -> None:
    with device.open("r+b") as stream:
        stream.write(GARBAGE * (DEVICE // len(GARBAGE)))


@pytest.mark.parametrize("verb", [verb for verb in WRITING if verb != "replace"])
def test_a_block_device_as_target(blank: Path, home: Place, run: Run, verb: str) -> None:
    """Holes become zeros whatever was there; the rest of the device is unchanged."""
    right, wanted = expected(verb, home, run)
    outcome = run(*home.command(verb, OUT=blank))
    if verb in ("metadump", "unpacked"):  # would include the rest of the device
        assert outcome.status == 1
        assert "block device" in outcome.err
        wanted = b""
    else:
        assert outcome.status == 1
        assert "--force" in outcome.err
        assert blank.read_bytes() == GARBAGE * (DEVICE // len(GARBAGE)), "nothing is written yet"
        outcome = run(*home.command(verb, OUT=blank), "--force")
        assert outcome.status == right.status, outcome
    data = blank.read_bytes()
    assert len(data) == DEVICE
    assert data[: len(wanted)] == wanted
    assert data[len(wanted) :] == (GARBAGE * (DEVICE // len(GARBAGE)))[len(wanted) :]


@pytest.mark.parametrize("verb", ["extract", "raw", "elf", "lime", "stream", "again", "build"])
def test_a_device_that_is_too_small_keeps_what_it_has(
    folder: Path, home: Place, run: Run, verb: str
) -> None:
    image = device_of(folder)
    with image.open("r+b") as stream:
        stream.truncate(MIB)
    before = image.read_bytes()
    with places.asked(places.loop, image) as device:
        outcome = run(*home.command(verb, OUT=device), "--force")
        assert outcome.status == 1
        assert f"{device}: the device is too small" in outcome.err
        assert device.read_bytes() == before


def test_a_snapshot_that_was_not_finished_on_a_device(folder: Path, home: Place, run: Run) -> None:
    """Earlier bytes are not part of it, and it does not look complete."""
    image = device_of(folder, home.folder / "guest")
    with places.asked(places.loop, image) as device:
        for skip in range(0, 40, 3):
            with answering("pwrite", failing(EIO), skip) as seen:
                outcome = run(*home.command("again", OUT=device), "--force")
            if not seen["taken"]:
                break
            assert f"{device}: Input/output error" in outcome.err
            assert run("check", device).status in (2, 63), skip
        else:
            pytest.fail("it writes more often")


def test_opening_a_device_reads_no_pages(device: Path) -> None:
    """Headers and bitmaps only: there are 4 MiB of pages, and 11 MiB after them."""
    read = 0

    def counting(real: Callable[..., bytes], fd: int, length: int, offset: int) -> bytes:
        nonlocal read
        data = real(fd, length, offset)
        read += len(data)
        return data

    with (
        answering("pread", counting),
        answering("preadv", failing(EIO)) as vectors,
        mappedram.open(device) as snapshot,
    ):
        assert snapshot.blocks[0].bitmap.count() > 0
        assert snapshot.complete
    assert 0 < read < MIB // 4
    assert not vectors["all"]


def test_a_device_that_is_mounted_is_not_written(folder: Path, home: Place, run: Run) -> None:
    with places.asked(places.ext4, folder) as disk:
        device = Path(
            next(
                line.split()[0]
                for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
                if line.split()[1] == str(disk)
            )
        )
        outcome = run(*home.command("again", OUT=device), "--force")
        assert outcome.status == 1
        assert f"{device}: is in use" in outcome.err
        with device.open("rb") as stream:  # the place where the output would begin
            assert stream.read(4) != b"QEVM"


def test_a_device_is_not_written_from_itself(device: Path, run: Run) -> None:
    before = device.read_bytes()
    outcome = run("convert", "-O", "stream", "--force", device, device)
    assert outcome.status == 1
    assert device.read_bytes() == before


def test_a_snapshot_on_a_device_is_repaired_in_place(folder: Path, home: Place, run: Run) -> None:
    """Except for its end, which differs on a device."""
    image = device_of(folder, home.folder / "guest")
    right = (home.folder / "guest").read_bytes()
    with image.open("r+b") as stream:  # version of the header, which is 1
        stream.seek(right.index(pack(">IQ", 1, PAGE)))
        stream.write(pack(">I", 0))
    with places.asked(places.loop, image) as device:
        outcome = run("repair", "--in-place", device)
        assert outcome.status == 0, outcome
        assert device.read_bytes()[: len(right)] == right
        assert device.is_block_device()
