"""A real libvirt: we read the images it saves, and it restores the images we write."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mappedram.check import check
from mappedram.export.libvirt import write_libvirt_sparse
from mappedram.format.libvirt import SaveFormat
from mappedram.io.opening import open_source
from mappedram.repair import plan, write_in_place
from mappedram.stream.libvirt import open_any
from tests.files import copy_sparse, patch
from tests.stream.libvirt.samples import Samples
from tests.stream.libvirt.test_rules import CASES, Case
from tools.libvirt import Daemon, LibvirtError, domain_xml, unusable

MIB = 1 << 20
#: Images that libvirt refuses before it starts a guest, in words of its own.
QUOTED = [
    case
    for case in CASES
    if case.change.__name__
    in ("part_magic", "interrupted", "no_such_format", "no_text", "cut_in_the_slack")
]
GUEST = "guest"
pytestmark = pytest.mark.qemu


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A libvirtd of our own; it and its guests are removed in the end, whatever happens."""
    if reason := unusable():
        pytest.skip(reason)
    with Daemon(config={"snapshot_image_format": '"sparse"'}) as running:
        yield running


def start(daemon: Daemon, seed: int) -> bytes:
    """Start the guest, paused, and fill half of its pages with random bytes; return them."""
    path = daemon.directory / "domain.xml"
    path.write_text(domain_xml(daemon, GUEST))
    daemon.virsh("create", path, "--paused")
    generator = np.random.default_rng(seed)
    pages = generator.integers(0, 256, (4096, 4096), np.uint8)
    pages[generator.random(4096) < 0.5] = 0
    with daemon.ram(GUEST).open("r+b") as memory:
        memory.write(pages.tobytes())
    return pages.tobytes()


@pytest.fixture
def memory(daemon: Daemon) -> Iterator[bytes]:
    """A guest with random memory; any guest is destroyed in the end."""
    yield start(daemon, 1)
    if GUEST in daemon.virsh("list", "--name").split():
        daemon.virsh("destroy", GUEST)


def guest_memory(daemon: Daemon, folder: Path) -> bytes:
    """The guest's view of its memory above 1 MiB, where no ROM hides it."""
    target = folder / "memory"
    command = f'pmemsave {MIB} {15 * MIB} "{target}"'
    daemon.virsh("qemu-monitor-command", GUEST, "--hmp", command)
    return target.read_bytes()


def repaired(path: Path) -> list[str]:
    """Repair the image in place; return the names of the repairs."""
    with open_source(path) as source, path.open("r+b") as file:
        todo = plan(source)
        write_in_place(todo, file.fileno())
    return [change.name for change in todo.changes]


@pytest.mark.parametrize("channels", [(), ("--parallel-channels", "3")], ids=["1", "3"])
@pytest.mark.parametrize("slack", [1, 12345], ids="slack-{}".format)
def test_restore_what_was_converted(
    daemon: Daemon, memory: bytes, tmp_path: Path, slack: int, channels: tuple[str, ...]
) -> None:
    """Saved by libvirt, converted to another offset with another XML, restored by libvirt."""
    saved, converted = tmp_path / "saved", tmp_path / "converted"
    daemon.virsh("save", GUEST, saved, "--image-format", "sparse")
    with open_any(saved) as (snapshot, image), converted.open("w+b") as target:
        assert image is not None
        assert check(saved).verdict == "clean"
        assert snapshot.complete
        assert snapshot.block["pc.ram"].read(0, 16 * MIB) == memory
        xml = image.xml.replace("<memory ", "<title>converted</title>\n  <memory ", 1)
        write_libvirt_sparse(snapshot, xml, image.cookie, target.fileno(), slack=slack)
    saved.unlink()
    assert check(converted).verdict == "clean"
    assert "<title>converted</title>" in daemon.virsh("save-image-dumpxml", converted)
    daemon.virsh("restore", converted, *channels)
    assert "<title>converted</title>" in daemon.virsh("dumpxml", GUEST)
    assert daemon.virsh("domstate", GUEST) == "paused"
    assert guest_memory(daemon, tmp_path) == memory[MIB:]


@pytest.mark.parametrize("name", ["raw", "gzip", "bzip2", "xz", "lzop", "zstd"])
def test_restore_what_had_no_mapped_ram(
    daemon: Daemon, memory: bytes, tmp_path: Path, name: str
) -> None:
    saved, converted = tmp_path / "saved", tmp_path / "converted"
    daemon.virsh("save", GUEST, saved, "--image-format", name)
    with open_any(saved) as (snapshot, image), converted.open("w+b") as target:
        assert image is not None
        assert image.format_name == name
        write_libvirt_sparse(snapshot, image.xml, image.cookie, target.fileno())
    daemon.virsh("restore", converted)
    assert guest_memory(daemon, tmp_path) == memory[MIB:]


def test_restore_to_a_running_guest(daemon: Daemon, memory: bytes, tmp_path: Path) -> None:
    saved, converted = tmp_path / "saved", tmp_path / "converted"
    daemon.virsh("save", GUEST, saved, "--image-format", "sparse")
    with open_any(saved) as (snapshot, image), converted.open("w+b") as target:
        assert image is not None
        write_libvirt_sparse(snapshot, image.xml, None, target.fileno(), was_running=True)
    daemon.virsh("restore", converted)
    assert daemon.virsh("domstate", GUEST) == "running"
    assert guest_memory(daemon, tmp_path) == memory[MIB:]


def test_edit_what_was_converted(daemon: Daemon, memory: bytes, tmp_path: Path) -> None:
    """Libvirt finds the slack after the text, as in its own images."""
    saved, converted, xml = (tmp_path / name for name in ("saved", "converted", "xml"))
    daemon.virsh("save", GUEST, saved, "--image-format", "sparse")
    with open_any(saved) as (snapshot, image), converted.open("w+b") as target:
        assert image is not None
        write_libvirt_sparse(snapshot, image.xml, image.cookie, target.fileno())
    text = daemon.virsh("save-image-dumpxml", converted, "--security-info")
    xml.write_text(text.replace("<memory ", f"<title>{'x' * 65_000}</title><memory ", 1))
    daemon.virsh("save-image-define", converted, xml)
    with open_any(converted) as (snapshot, image):
        assert image is not None
        assert "x" * 65_000 in image.xml
        assert snapshot.block["pc.ram"].read(0, 16 * MIB) == memory


@pytest.mark.parametrize("case", QUOTED, ids=lambda case: f"{case.code}-{case.change.__name__}")
def test_libvirt_says_what_is_quoted(
    case: Case, daemon: Daemon, samples: Samples, tmp_path: Path
) -> None:
    path = copy_sparse(samples[case.sample].path, tmp_path / "image")
    case.change(path)
    message = next(f.message for f in check(path).findings if f.code == case.code)
    quoted = re.search('; libvirt refuses it: "(.+)"$', message)
    assert quoted
    with pytest.raises(LibvirtError, match=re.escape(quoted[1])):
        daemon.virsh("save-image-dumpxml", path)


def test_repair_of_a_mislabelled_snapshot(daemon: Daemon, memory: bytes, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    spec = f"file={saved},snapshot=external"
    daemon.virsh("snapshot-create-as", GUEST, "s1", "--no-metadata", "--memspec", spec)
    daemon.virsh("destroy", GUEST)
    with open_any(saved, partial=True) as (snapshot, image):
        assert image is not None
        if image.format != SaveFormat.SPARSE or snapshot.stream.mapped_ram:
            pytest.skip("this libvirt labels it right")
    with pytest.raises(LibvirtError, match="load of migration failed"):
        daemon.virsh("restore", saved)
    assert repaired(saved) == ["libvirt-format"]
    daemon.virsh("restore", saved, "--paused")
    assert guest_memory(daemon, tmp_path) == memory[MIB:]


def test_repair_of_the_magic(daemon: Daemon, memory: bytes, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    daemon.virsh("save", GUEST, saved, "--image-format", "sparse")
    patch(saved, 0, b"LibvirtQemudPart")
    with pytest.raises(LibvirtError, match="incomplete"):
        daemon.virsh("restore", saved)
    assert repaired(saved) == ["libvirt-magic"]
    daemon.virsh("restore", saved)
    assert guest_memory(daemon, tmp_path) == memory[MIB:]


def test_nothing_outlives_the_daemon() -> None:
    if reason := unusable():
        pytest.skip(reason)
    with Daemon() as daemon:
        start(daemon, 2)
        directory = daemon.directory
        assert any(b"qemu-system" in line for line in command_lines(directory))
    deadline = time.monotonic() + 300
    while command_lines(directory) and time.monotonic() < deadline:
        time.sleep(0.05)  # the kernel ends them one by one
    assert command_lines(directory) == []
    assert not directory.exists()


def command_lines(directory: Path) -> list[bytes]:
    """Command lines of all processes that refer to a directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes())
    return [line for line in found if bytes(directory) in line]
