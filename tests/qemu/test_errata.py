"""Statements of specification and errata about the loader, tested with this machine's QEMU."""

import os
import signal
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from mappedram.format.constants import SectionType
from mappedram.fuzz.sound import RamSpec, SnapshotSpec
from tests.check.draft import Draft
from tests.conftest import Fixtures
from tests.qemu.test_fresh import BY_NAME, binary, loader_of
from tools.qemu import (
    CommandFailedError,
    Machine,
    MigrationFailedError,
    QemuDiedError,
    QemuTimeoutError,
    version,
)

#: A machine without devices, and its block of RAM.
NONE = ("-M", "none", "-m", "16M")
RAM = (RamSpec("ram", 4096, ((0, 1),)),)
PATH, NAME = "0000:00:1f.2/", "ich9_ahci"
#: A load that takes longer, in seconds, hangs.
HANGS = 10


def load(name: str, path: Path, folder: Path, *capabilities: str) -> None:
    """Load a file into a fresh guest of the machine of a fixture."""
    machine = Machine(loader_of(name), BY_NAME[name].prepare(folder, blank=True), incoming=True)
    with machine:
        machine.load(path, capabilities=("mapped-ram", *capabilities), timeout=HANGS)


def refusal(words: str) -> AbstractContextManager[object]:
    return pytest.raises(MigrationFailedError, match=words)


@pytest.mark.qemu
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_cut_file_kills_or_stops_the_loader_with_threads(
    fixtures: Fixtures, tmp_path: Path, share: float
) -> None:
    """E-057: without `multifd` it is refused; the complete file loads."""
    draft = Draft(fixtures["zero-page-none"], tmp_path)
    load("zero-page-none", draft.path, tmp_path, "multifd")
    block = draft.block("pc.ram")
    assert block.pages_offset is not None
    draft.resize(block.pages_offset + int(block.used_length * share))
    with refusal("load of migration failed"):
        load("zero-page-none", draft.path, tmp_path)
    with pytest.raises((QemuDiedError, QemuTimeoutError)) as caught:
        load("zero-page-none", draft.path, tmp_path, "multifd")
    if isinstance(caught.value, QemuDiedError):
        assert caught.value.returncode == -signal.SIGSEGV
    else:
        assert version(loader_of("zero-page-none")) >= (11, 1, 0)


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("idstr", "instance", "loads"),
    [
        (PATH + NAME, 0, True),
        (NAME, 0, True),
        (NAME, 1, False),
        (NAME, 0xFFFFFFFF, True),
        ("ahci", 0, False),
        ("1f.2/" + NAME, 0, False),
    ],
)
def test_bare_name_of_a_device(
    fixtures: Fixtures, tmp_path: Path, idstr: str, instance: int, loads: bool
) -> None:
    """The note below clause 4.2.9, and E-053."""
    draft = Draft(fixtures["q35"], tmp_path)
    section = draft.section(SectionType.FULL, PATH + NAME)
    assert section.instance_id == 0
    name = section.offset + 6
    draft.remove(name, len(PATH + NAME) - len(idstr))
    draft.write(name - 1, bytes([len(idstr)]) + idstr.encode() + instance.to_bytes(4, "big"))
    with nullcontext() if loads else refusal("load of migration failed"):
        load("q35", draft.path, tmp_path)


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("name", "known_until"),
    [
        ("multifd", None),
        ("events", None),
        ("zero-blocks", (11, 0, 0)),
        ("compress", (9, 1, 0)),
        ("fixed-ram", (0, 0, 0)),
    ],
)
def test_capabilities_by_release(
    tmp_path: Path, name: str, known_until: tuple[int, int, int] | None
) -> None:
    """The note below clause 3.4.9: QEMU accepts known ones, and refuses the others."""
    spec = SnapshotSpec("none", 4096, RAM, capabilities=("mapped-ram", name))
    path, qemu = tmp_path / "file", binary("x86_64")
    with spec.file().opened() as fd:
        path.write_bytes(os.pread(fd, os.fstat(fd).st_size, 0))
    known = known_until is None or version(qemu) < known_until
    said = ""
    with Machine(qemu, NONE, incoming=True) as machine:
        try:
            machine.load(path)
        except MigrationFailedError as error:
            said = str(error)  # with standard error; 11.1 writes nothing there
    assert ("Received unknown capability" in said) is not known


@pytest.mark.qemu
def test_mapped_ram_takes_no_descriptor() -> None:
    """The note below clause 1.1.9: `fd:` is refused before QEMU looks for the descriptor."""
    with Machine(binary("x86_64"), NONE) as machine:
        with pytest.raises(CommandFailedError, match="'none' has not been found"):
            machine.qmp("migrate", uri="fd:none")
        machine.configure(["mapped-ram"], None)
        with pytest.raises(CommandFailedError, match="requires seekable transport"):
            machine.qmp("migrate", uri="fd:none")
