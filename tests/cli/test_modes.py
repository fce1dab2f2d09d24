"""What is written is no wider than what it is made of, whatever the umask."""

import gzip
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from mappedram.io.staged import StagedFiles, make_folder
from tests.cli.conftest import Run
from tests.conftest import Fixtures
from tests.files import copy_sparse
from tests.stream.libvirt.samples import image

RECIPE = """
machine = "none"
page_size = 4096
[[block]]
idstr = "ram"
size = 8192
file = "ram.raw"
"""

#: The arguments of each verb: {} is the snapshot, out its target.
VERBS = {
    "extract": ["extract", "{}", "-b", "pc.ram", "-o", "out"],
    "convert-mapped-ram": ["convert", "-O", "mapped-ram", "{}", "out"],
    "convert-stream": ["convert", "-O", "stream", "{}", "out"],
    "convert-raw": ["convert", "-O", "raw", "{}", "out"],
    "convert-raw-block": ["convert", "-O", "raw", "-b", "pc.ram", "{}", "out"],
    "convert-elf": ["convert", "-O", "elf", "{}", "out"],
    "convert-lime": ["convert", "-O", "lime", "{}", "out"],
    "convert-libvirt": ["convert", "-O", "libvirt-sparse", "--xml", "xml", "{}", "out"],
    "build": ["build", "--from", "{}", "out"],
    "build-recipe": ["build", "recipe.toml", "out"],
    "repair": ["repair", "{}", "out"],
    "metadump": ["metadump", "{}", "out"],
    "metadump-unpacked": ["metadump", "--unpacked", "{}", "out"],
    "layout": ["layout", "--html", "out", "{}"],
}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0, 0o022, 0o077], ids=["umask-0", "umask-022", "umask-077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    previous = os.umask(request.param)
    yield request.param
    os.umask(previous)


@pytest.fixture
def guest(fixtures: Fixtures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A snapshot, and whatever else a verb reads, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "ram.raw").write_bytes(bytes(8192))
    (tmp_path / "xml").write_text("<domain/>")
    path = copy_sparse(fixtures["pc"].path, tmp_path / "guest")
    for name in ("recipe.toml", "ram.raw", "xml"):
        (tmp_path / name).chmod(0o666)
    return path


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("allowed", [0o600, 0o400, 0o640, 0o644, 0o666], ids=oct)
def test_no_wider_than_its_source(
    verb: str, allowed: int, umask: int, guest: Path, run: Run
) -> None:
    source = Path("ram.raw") if verb == "build-recipe" else guest
    source.chmod(allowed)
    assert run(*(arg.format(guest) for arg in VERBS[verb])).status == 0
    assert mode(Path("out")) == (allowed & ~umask) | 0o600


@pytest.mark.parametrize("narrow", ["guest", "xml", "recipe.toml", "ram.raw"])
def test_the_narrowest_of_several_counts(narrow: str, guest: Path, run: Run) -> None:
    previous = os.umask(0)
    try:
        guest.chmod(0o666)
        Path(narrow).chmod(0o640)
        verb = "convert-libvirt" if narrow in ("guest", "xml") else "build-recipe"
        assert run(*(arg.format(guest) for arg in VERBS[verb])).status == 0
    finally:
        os.umask(previous)
    assert mode(Path("out")) == 0o640


def test_other_ram_for_a_donor(guest: Path, run: Run) -> None:
    guest.chmod(0o644)
    Path("raw").write_bytes(bytes(16 << 20))
    Path("raw").chmod(0o600)
    assert run("build", "--from", guest, "--set", "pc.ram=raw", "out").status == 0
    assert mode(Path("out")) == 0o600


@pytest.mark.parametrize(
    ("allowed", "folder", "file"), [(0o600, 0o700, 0o600), (0o644, 0o755, 0o644)]
)
def test_folders_that_are_made(allowed: int, folder: int, file: int, guest: Path, run: Run) -> None:
    guest.chmod(allowed)
    Path("there").mkdir(mode=0o755)
    previous = os.umask(0)
    try:
        assert run("extract", guest, "-d", "there/a/b").status == 0
    finally:
        os.umask(previous)
    assert mode(Path("there")) == 0o755
    assert mode(Path("there/a")) == mode(Path("there/a/b")) == folder
    assert {mode(path) for path in Path("there/a/b").iterdir()} == {file}


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [(0o644, 0o600, 0o600), (0o600, 0o644, 0o600), (0o644, 0o640, 0o640), (0o666, 0o666, 0o644)],
)
def test_a_target_that_is_replaced_gets_no_wider(
    source: int, target: int, expected: int, guest: Path, run: Run
) -> None:
    guest.chmod(source)
    Path("out").write_bytes(b"")
    Path("out").chmod(target)
    previous = os.umask(0o022)
    try:
        assert run("convert", "-O", "stream", "--force", guest, "out").status == 0
    finally:
        os.umask(previous)
    assert mode(Path("out")) == expected


@pytest.mark.usefixtures("umask")
def test_a_compressed_image_is_in_doubt(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """It is read from a copy that nobody else can read."""
    packed, out = tmp_path / "packed", tmp_path / "out"
    packed.write_bytes(image(gzip.compress(fixtures["plain"].path.read_bytes()), save_format=1))
    packed.chmod(0o644)
    assert run("convert", "-O", "mapped-ram", packed, out).status == 0
    assert mode(out) == 0o600


@pytest.mark.usefixtures("umask")
def test_what_is_no_file_is_in_doubt(tmp_path: Path) -> None:
    with StagedFiles("/dev/null") as files:
        files.open(tmp_path / "out")
    assert mode(tmp_path / "out") == 0o600


@pytest.mark.usefixtures("umask")
def test_without_a_source_nobody_else_reads_it(tmp_path: Path) -> None:
    with StagedFiles() as files:
        files.open(tmp_path / "out")
    assert mode(tmp_path / "out") == 0o600


@pytest.mark.usefixtures("umask")
def test_nobody_else_reads_it_while_it_is_written(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.touch()
    source.chmod(0o666)
    with StagedFiles(source) as files:
        assert stat.S_IMODE(os.fstat(files.open(tmp_path / "out")).st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to other groups")
@pytest.mark.usefixtures("umask")
def test_another_group(tmp_path: Path) -> None:
    """What the group of the source may do, that of the output may not."""
    source = tmp_path / "source"
    source.touch()
    os.chown(source, -1, 12345)
    source.chmod(0o640)
    with StagedFiles(source) as files:
        files.open(tmp_path / "out")
    assert mode(tmp_path / "out") == 0o600
    make_folder(tmp_path / "folder", source)
    assert mode(tmp_path / "folder") == 0o700


def test_an_access_list(tmp_path: Path) -> None:
    """The bits of the group then say what anybody on the list may do at most."""
    source = tmp_path / "source"
    source.touch()
    # Linux include/uapi/linux/posix_acl_xattr.h: owner, user 12345, group, mask, others.
    entries = (1, 6, -1), (2, 4, 12345), (4, 0, -1), (16, 4, -1), (32, 0, -1)
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(source, "system.posix_acl_access", acl)
    except OSError as error:
        pytest.skip(f"no access lists here: {error}")
    assert mode(source) == 0o640
    with StagedFiles(source) as files:
        files.open(tmp_path / "out")
    assert mode(tmp_path / "out") == 0o600
