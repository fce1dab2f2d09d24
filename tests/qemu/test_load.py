"""A real QEMU loads our files, and its guest has the right memory."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

import mappedram
from mappedram.export.build import build
from mappedram.export.mapped_ram import OutputLayout, lay_out
from mappedram.export.options import ExportOptions
from mappedram.export.recipe import load as load_recipe
from mappedram.io.opening import open_source
from tests.conftest import Fixtures
from tests.qemu.test_fresh import BY_NAME, binary, loader_of
from tools.qemu import Machine

MIB = 1 << 20
#: RAM in guest memory: block, guest-physical address, first byte of the block, length. On a PC, ROM
#: hides some of it below 1 MiB.
SEEN = {
    "pc": ("pc.ram", MIB, MIB, 15 * MIB),
    "q35": ("pc.ram", MIB, MIB, 15 * MIB),
    "aarch64-virt": ("mach-virt.ram", 0x40000000, 0, 16 * MIB),
    "riscv64-virt": ("riscv_virt_board.ram", 0x80000000, 0, 16 * MIB),
}


def random_ram(path: Path, seed: int) -> Path:
    """16 MiB of RAM: half of its pages random, the others zero."""
    generator = np.random.default_rng(seed)
    pages = generator.integers(0, 256, (4096, 4096), np.uint8)
    pages[generator.random(4096) < 0.5] = 0
    pages.tofile(path)
    return path


def memory_after_load(
    name: str,
    path: Path,
    folder: Path,
    offset: int = 0,
    capabilities: Iterable[str] = (),
    **parameters: object,
) -> bytes:
    """RAM of a new guest of that machine after it has loaded the file."""
    fixture = BY_NAME[name]
    _, gpa, _, length = SEEN[name]
    with Machine(loader_of(name), fixture.prepare(folder, blank=True), incoming=True) as machine:
        machine.load(
            path,
            offset=offset,
            capabilities=("mapped-ram", *capabilities),
            parameters=parameters or None,
        )
        machine.pmemsave(gpa, length, folder / "memory")
    return (folder / "memory").read_bytes()


@pytest.mark.qemu
@pytest.mark.parametrize("name", SEEN)
def test_donor_with_other_ram(fixtures: Fixtures, tmp_path: Path, name: str) -> None:
    """Devices from a snapshot by QEMU, RAM from a raw file."""
    idstr, _, first, length = SEEN[name]
    ram, built = random_ram(tmp_path / "ram.raw", 1), tmp_path / "built"
    with (
        mappedram.open(fixtures[name].path) as donor,
        open_source(ram) as source,
        built.open("w+b") as stream,
    ):
        lay_out(donor, stream.fileno(), OutputLayout(channels=2), replace={idstr: source})
    expected = ram.read_bytes()[first : first + length]
    assert memory_after_load(name, built, tmp_path) == expected


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("offset", "capabilities", "parameters"),
    [
        (0x1235, (), {}),
        (0, ("multifd",), {"multifd-channels": 3}),
        (0, ("multifd",), {"multifd-channels": 2, "direct-io": True}),
    ],
    ids=["offset", "multifd", "direct-io"],
)
def test_ways_to_load(
    fixtures: Fixtures,
    tmp_path: Path,
    offset: int,
    capabilities: tuple[str, ...],
    parameters: dict[str, object],
) -> None:
    ram, built = random_ram(tmp_path / "ram.raw", 2), tmp_path / "built"
    with (
        mappedram.open(fixtures["pc"].path) as donor,
        open_source(ram) as source,
        built.open("w+b") as stream,
    ):
        layout = OutputLayout(offset=offset, direct_io="direct-io" in parameters)
        lay_out(donor, stream.fileno(), layout, replace={"pc.ram": source})
    memory = memory_after_load("pc", built, tmp_path, offset, capabilities, **parameters)
    assert memory == ram.read_bytes()[MIB:]


@pytest.mark.qemu
@pytest.mark.parametrize(
    "layout",
    [
        OutputLayout(align=4096),
        OutputLayout(align=1 << 16, dense=True),
        OutputLayout(drop_zero_pages=True),
    ],
    ids=["packed", "dense", "no-zero-pages"],
)
def test_other_layouts(fixtures: Fixtures, tmp_path: Path, layout: OutputLayout) -> None:
    """QEMU only requires that pages_offset is a multiple of the page size (clause 6.2.5)."""
    built = tmp_path / "built"
    with (
        mappedram.open(fixtures["zero-page-none"].path) as donor,
        built.open("w+b") as stream,
    ):
        lay_out(donor, stream.fileno(), layout)
        expected = donor.block["pc.ram"].read(MIB, 15 * MIB)
    assert memory_after_load("pc", built, tmp_path) == expected


@pytest.mark.qemu
def test_recipe_without_a_donor(tmp_path: Path) -> None:
    """A file without a byte from QEMU: the machine `none` has no devices."""
    recipe, built = tmp_path / "recipe.toml", tmp_path / "built"
    recipe.write_text(
        'machine = "none"\npage_size = "4K"\noffset = 12345\n'
        '[[block]]\nidstr = "ram"\nsize = "16M"\npattern = "address"\n'
    )
    with built.open("w+b") as stream:
        build(load_recipe(recipe), stream.fileno(), ExportOptions(channels=2))
    with Machine(binary("x86_64"), ["-M", "none", "-m", "16M"], incoming=True) as machine:
        machine.load(built, offset=12345)
        machine.pmemsave(0, 16 * MIB, tmp_path / "memory")
    words = np.fromfile(tmp_path / "memory", "<u8")
    assert (words == np.arange(0, 16 * MIB, 8, dtype=np.uint64)).all()
