"""Files that this machine's QEMU writes now are read like the committed ones."""

import random
from pathlib import Path

import pytest

import mappedram
from mappedram.format.constants import SectionType
from tools.qemu import Machine, find, pattern, version
from tools.qemu.table import TABLE

FRESH = ["pc", "q35", "microvm", "none", "aarch64-virt", "riscv64-virt", "arm-1k", "virtio-mem"]
BY_NAME = {fixture.name: fixture for fixture in TABLE}
#: Fixtures whose CPU state newer releases refuse, and the first such release: the version of the
#: section for riscv64, a removed system register for aarch64.
REFUSED_FROM = {"aarch64-virt": (11, 0, 0), "riscv64-virt": (11, 0, 0)}


def binary(arch: str) -> Path:
    """The emulator for `arch`; skip the test if there is none with mapped-ram."""
    found = find(arch)
    if found is None:
        pytest.skip(f"qemu-system-{arch} is not installed: run tools/install")
    if version(found) < (10, 0, 0):
        pytest.skip(f"{found} is older than 10.0: run tools/install")
    return found


def loader_of(name: str) -> Path:
    """The emulator that loads a fixture; skip the test if this machine's refuses it."""
    found = binary(BY_NAME[name].arch)
    first = REFUSED_FROM.get(name)
    if first and version(found) >= first:
        release = ".".join(map(str, version(found)))
        pytest.skip(f"QEMU {release} does not take the CPU of {name}, which 10.0 wrote")
    return found


@pytest.mark.qemu
@pytest.mark.parametrize("name", FRESH)
def test_fresh_file(tmp_path: Path, name: str) -> None:
    fixture = BY_NAME[name]
    path = tmp_path / "fresh"
    with Machine(binary(fixture.arch), fixture.prepare(tmp_path)) as machine:
        machine.save(path)
    with mappedram.open(path) as snapshot:
        assert snapshot.complete
        assert snapshot.sections[-1].type == SectionType.VMDESCRIPTION
        assert sum(region.length for region in snapshot.regions()) == path.stat().st_size
        for block in snapshot.stream.blocks:
            assert block.bitmap_offset == block.header_end
            assert block.pages_offset == block.usual_pages_offset


@pytest.mark.qemu
@pytest.mark.parametrize("offset", [0, 1, 4097, 0x8F31B])
def test_memory_equals_what_qemu_says_it_is(tmp_path: Path, offset: int) -> None:
    """`pmemsave` and our reader give the same bytes of guest memory."""
    fixture = BY_NAME["pc"]
    path, memory = tmp_path / "fresh", tmp_path / "memory"
    with Machine(binary("x86_64"), fixture.prepare(tmp_path)) as machine:
        machine.pmemsave(1 << 20, 15 << 20, memory)
        machine.save(path, offset=offset)
    with mappedram.open(path, offset) as snapshot:
        assert snapshot.block["pc.ram"].read(1 << 20, 15 << 20) == memory.read_bytes()
        for driver in mappedram.format.drivers.DRIVERS:
            with mappedram.open(path, offset, driver=driver) as other:
                assert other.stream == snapshot.stream


@pytest.mark.qemu
def test_random_pages(tmp_path: Path) -> None:
    """Any set of pages is restored, and all other pages are zero."""
    chosen = random.Random(7)
    pages = sorted(chosen.sample(range(4096), 300))
    runs = [(page, page + 1) for page in pages]
    seed = pattern.seed(b"RAND")
    ram, path = tmp_path / "ram", tmp_path / "fresh"
    pattern.fill(ram, 16 << 20, 4096, runs, seed)
    args = [
        *("-machine", "none,memory-backend=ram", "-m", "16M"),
        *("-object", f"memory-backend-file,id=ram,size=16M,share=off,mem-path={ram}"),
    ]
    with Machine(binary("x86_64"), args) as machine:
        machine.save(path, capabilities=("mapped-ram", "multifd"))
    with mappedram.open(path) as snapshot:
        block = snapshot.block["ram"]
        assert [page for page in range(4096) if block.bitmap[page]] == pages
        assert block.read(0, 16 << 20) == ram.read_bytes()
