"""Files that a real QEMU saved badly are repaired: QEMU loads them with the guest's memory."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mappedram
from mappedram.io.opening import open_source
from mappedram.repair import plan, write_copy
from tests.conftest import Fixtures
from tests.qemu.test_fresh import BY_NAME, binary
from tools.qemu import Machine, MigrationFailedError
from tools.qemu.firmware import FIRMWARE

MIB = 1 << 20
SIZE = 64 * MIB
#: On a PC, ROM hides RAM from 640 KiB to 1 MiB.
HIDDEN = slice(0xA0, 0x100)


def pages(data: bytes | Path) -> NDArray[np.uint8]:
    whole = np.fromfile(data, np.uint8) if isinstance(data, Path) else np.frombuffer(data, np.uint8)
    return whole.reshape(-1, 4096)


def repaired(path: Path) -> Path:
    out = path.with_name("repaired")
    with open_source(path) as source, out.open("w+b") as stream:
        write_copy(plan(source), stream.fileno())
    return out


@pytest.mark.qemu
def test_background_snapshot_of_a_guest_that_runs_on(tmp_path: Path) -> None:
    """The memory is that of the start of the save, although the guest changes it."""
    (tmp_path / "churn.bin").write_bytes(FIRMWARE["churn.bin"])
    np.random.default_rng(1).integers(0, 256, 48 * MIB, np.uint8).tofile(tmp_path / "ram")
    args = [
        *("-accel", "tcg", "-machine", "pc-i440fx-10.0", "-vga", "none", "-m", "64M"),
        *("-bios", str(tmp_path / "churn.bin")),
    ]
    loader = f"loader,file={tmp_path / 'ram'},addr={8 * MIB:#x},force-raw=on"
    with Machine(binary("x86_64"), [*args, "-device", loader]) as machine:
        machine.qmp("cont")
        machine.wait_until(lambda: _has_churned(machine, tmp_path), "the guest at work")
        machine.qmp("stop")
        machine.pmemsave(0, SIZE, tmp_path / "then")
        machine.start_save(tmp_path / "file", capabilities=("mapped-ram", "background-snapshot"))
        # Until the first page is written, QEMU has not reached the moment that it saves.
        machine.wait_until(
            lambda: machine.migration().get("ram", {}).get("normal", 0) > 0, "the first page"
        )
        machine.qmp("cont")
        machine.wait_migrated()
        machine.qmp("stop")
        machine.pmemsave(0, SIZE, tmp_path / "later")
    then = pages(tmp_path / "then")
    assert (then != pages(tmp_path / "later")).any()
    out = repaired(tmp_path / "file")
    with mappedram.open(out) as snapshot:
        stored = pages(snapshot.block["pc.ram"].read(0, SIZE))
    differing = np.flatnonzero((stored != then).any(axis=1))
    assert set(differing) <= set(range(HIDDEN.start, HIDDEN.stop))
    with Machine(binary("x86_64"), args, incoming=True) as machine:
        machine.load(out)
        machine.pmemsave(0, SIZE, tmp_path / "loaded")
    assert (pages(tmp_path / "loaded") == then).all()


def _has_churned(machine: Machine, folder: Path) -> bool:
    machine.pmemsave(0x2F000, 4096, folder / "page")
    return any((folder / "page").read_bytes())


@pytest.mark.qemu
def test_killed_save_is_not_loaded(fixtures: Fixtures, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(fixtures["killed"].path.read_bytes())
    args = BY_NAME["pc"].prepare(tmp_path, blank=True)
    with (
        Machine(binary("x86_64"), args, incoming=True) as machine,
        pytest.raises(MigrationFailedError),
    ):
        machine.load(repaired(path))


@pytest.mark.qemu
@pytest.mark.parametrize("field", ["total", "pages_offset"])
def test_repaired_geometry_loads(fixtures: Fixtures, tmp_path: Path, field: str) -> None:
    from tests.check.draft import Draft
    from tests.repair.test_repairs import first_total, move_pages

    draft = Draft(fixtures["pc"], tmp_path)
    if field == "total":
        draft.set(first_total(draft), "total_and_flags", 0x123004)
    else:
        move_pages(draft)
    args = BY_NAME["pc"].prepare(tmp_path, blank=True)
    with (
        Machine(binary("x86_64"), args, incoming=True) as machine,
        pytest.raises(MigrationFailedError),
    ):
        machine.load(draft.path)
    with Machine(binary("x86_64"), args, incoming=True) as machine:
        machine.load(repaired(draft.path))
        machine.pmemsave(MIB, 15 * MIB, tmp_path / "memory")
    with mappedram.open(fixtures["pc"].path) as sound:
        assert (tmp_path / "memory").read_bytes() == sound.block["pc.ram"].read(MIB, 15 * MIB)
