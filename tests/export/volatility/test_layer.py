"""The layer within Volatility: which files it takes or passes on, and reading through it."""

import gzip
import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.export.volatility import PLUGIN_DIRECTORY
from mappedram.guest.physical import physical_memory
from mappedram.stream.libvirt import open_any
from tests.cli.conftest import process
from tests.conftest import Fixtures
from tests.files import copy_sparse
from tests.stream.libvirt.samples import Samples

pytest.importorskip("volatility3", reason="no volatility3: run tools/install")

from volatility3.framework import contexts, exceptions
from volatility3.framework.layers import elf, lime, physical, qemu, scanners

from mappedram.export.volatility.layer import MappedRamLayer, RefusedLayer
from mappedram.export.volatility.stacker import MappedRamStacker

VOL = Path(sys.executable).with_name("vol")
PAGE = 4096
MIB = 1 << 20


class Stack:
    """A context of Volatility with the layer of a file, and the layers on top."""

    def __init__(self, location: str) -> None:
        self.context = contexts.Context()
        self.context.config["base.location"] = location
        self.base = physical.FileLayer(self.context, "base", "base")
        self.context.add_layer(self.base)
        self.layer = MappedRamStacker.stack(self.context, "base")
        if self.layer is not None:
            self.context.add_layer(self.layer)

    def close(self) -> None:
        self.base.destroy()
        if self.layer is not None:
            self.layer.destroy()


@pytest.fixture
def stack() -> Iterator[Any]:
    """Make stacks, and close their files."""
    made = []

    def stacked(path: Path | str) -> Stack:
        location = path.as_uri() if isinstance(path, Path) else path
        made.append(Stack(location))
        return made[-1]

    yield stacked
    for one in made:
        one.close()


def test_comes_before_what_volatility_has() -> None:
    theirs = (qemu.QemuStacker, elf.Elf64Stacker, lime.LimeStacker)
    assert all(MappedRamStacker.stack_order < other.stack_order for other in theirs)


def test_the_folder_holds_one_module() -> None:
    """Volatility imports everything in it."""
    assert [path.name for path in PLUGIN_DIRECTORY.glob("*.py")] == ["mappedram_layers.py"]


@pytest.mark.parametrize("name", ["pc", "plain"])
def test_takes_snapshots_and_streams(stack: Any, fixtures: Fixtures, name: str) -> None:
    path = fixtures[name].path
    layer = stack(path).layer
    assert isinstance(layer, MappedRamLayer)
    assert (layer.minimum_address, layer.maximum_address) == (0, 0xFFFFFFFF)
    with mappedram.open(path) as snapshot:
        assert layer.read(0x100000, 5 * PAGE) == snapshot.physical.read(0x100000, 5 * PAGE)
        assert layer.read(0xFFFFFFF0, 16) == snapshot.physical.read(0xFFFFFFF0, 16)


@pytest.mark.parametrize("name", ["sparse", "swapped", "gzip"])
def test_takes_save_images_of_libvirt(stack: Any, samples: Samples, name: str) -> None:
    path = samples[name].path
    layer = stack(path).layer
    assert isinstance(layer, MappedRamLayer)
    with open_any(path) as (snapshot, _):
        assert layer.read(MIB, 15 * MIB) == physical_memory(snapshot).read(MIB, 15 * MIB)


@pytest.mark.parametrize("name", ["pc", "microvm", "numa2", "aarch64-virt", "plain"])
def test_is_what_volatility_reads_of_our_export(
    stack: Any, fixtures: Fixtures, tmp_path: Path, name: str
) -> None:
    path, core = fixtures[name].path, tmp_path / "core"
    assert process("convert", "-O", "elf", path, core).returncode == 0
    ours, exported = stack(path).layer, stack(core)
    assert exported.layer is None
    theirs = elf.Elf64Stacker.stack(exported.context, "base")
    assert isinstance(ours, MappedRamLayer)
    assert isinstance(theirs, elf.Elf64Layer)
    assert ours.minimum_address == theirs.minimum_address
    assert ours.maximum_address == theirs.maximum_address
    for start, stop in ours.memory.spans:
        assert ours.read(start, stop - start) == theirs.read(start, stop - start)
        for place in (start - 1, start, stop - 1, stop):
            assert ours.is_valid(place) == theirs.is_valid(place)


def test_takes_files_of_any_name(stack: Any, fixtures: Fixtures, tmp_path: Path) -> None:
    """Volatility passes a URL, which escapes some characters."""
    path = copy_sparse(fixtures["none"].path, tmp_path / "a b%20c#d?e\u00fc.mapped-ram")
    assert isinstance(stack(path).layer, MappedRamLayer)


NOT_OURS = {
    "raw": bytes(PAGE),
    "elf": b"\x7fELF\2\1\1".ljust(PAGE, b"\0"),
    "lime": b"EMiL\1\0\0\0".ljust(PAGE, b"\0"),
    "later": bytes(16) + b"QEVM\0\0\0\3".ljust(PAGE, b"\0"),
    "libvirt": b"LibvirtQemudSavf".ljust(PAGE, b"\0"),
    "short": b"QEVM",
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_passes_on_what_is_not_ours(stack: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(NOT_OURS[name])
    made = stack(path)
    assert made.layer is None
    assert list(made.context.layers) == ["base"]


def test_passes_on_its_own_layer(stack: Any, fixtures: Fixtures) -> None:
    """Volatility asks again about the layer that it got."""
    made = stack(fixtures["none"].path)
    assert MappedRamStacker.stack(made.context, made.layer.name) is None


def assert_refused(made: Stack, caplog: pytest.LogCaptureFixture, why: str) -> None:
    """There is no memory, so nothing is mistaken for memory; and an error is reported."""
    layer = made.layer
    assert isinstance(layer, RefusedLayer)
    assert not layer.is_valid(0)
    assert layer.read(0, 4, pad=True) == bytes(4)
    with pytest.raises(exceptions.InvalidAddressException):
        layer.read(0, 4)
    assert list(layer.scan(made.context, scanners.BytesScanner(b"Q"))) == []
    (said,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert why in said.message


def test_refuses_what_cannot_be_read(
    stack: Any, fixtures: Fixtures, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cut"
    path.write_bytes(fixtures["none"].path.read_bytes()[:100])
    assert_refused(stack(path), caplog, "the file ends")


def test_refuses_snapshots_without_bitmaps(
    stack: Any, fixtures: Fixtures, caplog: pytest.LogCaptureFixture
) -> None:
    assert_refused(stack(fixtures["killed"].path), caplog, "bitmap was never written")


def test_refuses_what_volatility_unpacks(
    stack: Any, fixtures: Fixtures, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "none.gz"
    path.write_bytes(gzip.compress(fixtures["none"].path.read_bytes()))
    assert_refused(stack(path), caplog, "unpack it first")


def test_says_what_is_uncertain(
    stack: Any, fixtures: Fixtures, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(stack(fixtures["pc"].path).layer, MappedRamLayer)
    assert not caplog.records
    assert isinstance(stack(fixtures["numa2"].path).layer, MappedRamLayer)
    (said,) = caplog.records
    assert said.levelno == logging.WARNING
    assert "node0" in said.message


def test_addresses(stack: Any, fixtures: Fixtures) -> None:
    layer = stack(fixtures["pc"].path).layer
    end = 16 * MIB
    assert layer.is_valid(0, end)
    assert not layer.is_valid(0, end + 1)
    assert not layer.is_valid(end)
    assert layer.is_valid(0xFFFF0000, 0x10000)
    assert layer.read(end, 0) == b""
    with pytest.raises(exceptions.InvalidAddressException) as caught:
        layer.read(end - 8, 16)
    assert caught.value.invalid_address == end
    assert layer.read(end - 8, 16, pad=True) == layer.read(end - 8, 8) + bytes(8)
    assert layer.read(0xFFFEFFF8, 16, pad=True) == bytes(8) + layer.read(0xFFFF0000, 8)
    with pytest.raises(exceptions.LayerException):
        layer.write(0, b"1")


def test_missing_pages_are_said_once(
    stack: Any, fixtures: Fixtures, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = copy_sparse(fixtures["none"].path, tmp_path / "shrinking")
    with mappedram.open(path) as snapshot:
        missing = (int(snapshot.block["ram"].runs()[-1, 1]) - 1) * PAGE
        end = snapshot.block["ram"].model.pages_offset
        assert end is not None
    layer = stack(path).layer
    with path.open("r+b") as file:
        file.truncate(end + missing)
    for _ in range(2):
        with pytest.raises(exceptions.InvalidAddressException):
            layer.read(missing, 8)
    assert layer.read(missing, 8, pad=True) == bytes(8)
    (said,) = caplog.records
    assert said.levelno == logging.ERROR
    assert "shrunk" in said.message or "ends at" in said.message


def found(made: Stack, wanted: bytes, sections: Any = None) -> list[int]:
    """Places where Volatility's scanner finds a pattern."""
    assert made.layer is not None
    return list(made.layer.scan(made.context, scanners.BytesScanner(wanted), sections=sections))


def test_scans_like_the_whole_of_memory(stack: Any, fixtures: Fixtures) -> None:
    """Patterns across the ends of runs are found at the same places as in plain memory."""
    made = stack(fixtures["pc"].path)
    with mappedram.open(fixtures["pc"].path) as snapshot:
        memory = snapshot.physical.read(0, 16 * MIB)
        runs = snapshot.block["pc.ram"].runs().tolist()
    edges = [edge * PAGE for run in runs for edge in run if 0 < edge * PAGE < 16 * MIB]
    assert len(edges) > 4
    for edge in edges:
        wanted = memory[edge - 24 : edge + 24]
        if wanted.strip(b"\0"):
            expected, place = [], memory.find(wanted)
            while place >= 0:
                expected.append(place)
                place = memory.find(wanted, place + 1)
            assert found(made, wanted)[: len(expected)] == expected


def test_scans_sections_alone(stack: Any, fixtures: Fixtures) -> None:
    made = stack(fixtures["pc"].path)
    with mappedram.open(fixtures["pc"].path) as snapshot:
        page = int(snapshot.block["pc.ram"].runs()[1, 0])
        wanted = snapshot.physical.read(page * PAGE + 64, 32)
    assert wanted.strip(b"\0")
    place = page * PAGE + 64
    assert place in found(made, wanted)
    assert found(made, wanted, [(place, 32)]) == [place]
    assert found(made, wanted, [(place + 1, MIB)]).count(place) == 0


def test_copies_open_the_file_for_themselves(stack: Any, fixtures: Fixtures) -> None:
    made = stack(fixtures["none"].path)
    layer = made.layer
    before = layer.read(0, 64)
    copied = made.context.clone().layers[layer.name]
    pickled = pickle.loads(pickle.dumps(layer))
    layer.destroy()
    for copy in (copied, pickled):
        assert copy.read(0, 64) == before
        copy.destroy()


def vol(
    path: Path, folder: Path, *args: object, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run Volatility as its users do."""
    return subprocess.run(
        [VOL, "-q", "--offline", "-o", str(folder), "-f", str(path), *map(str, args)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | settings,
    )


def test_volatility_reads_through_it(fixtures: Fixtures, tmp_path: Path) -> None:
    """A plugin of Volatility writes all of memory, which equals that of the snapshot."""
    told = process("volatility").stdout.strip()
    assert told == str(PLUGIN_DIRECTORY)
    done = vol(fixtures["none"].path, tmp_path, "-p", told, "layerwriter.LayerWriter")
    assert done.returncode == 0, done.stderr
    with mappedram.open(fixtures["none"].path) as snapshot:
        expected = snapshot.block["ram"].read(0, 16 * MIB)
    (written,) = tmp_path.iterdir()
    assert written.read_bytes() == expected


def test_settings_of_volatility_make_it_known(fixtures: Fixtures, tmp_path: Path) -> None:
    """As the help of `mappedram volatility` says, that file makes -p unnecessary."""
    settings = tmp_path / ".config/volatility3/vol.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(process("volatility", "--output", "json").stdout)
    assert json.loads(settings.read_text()) == {"plugin_dirs": str(PLUGIN_DIRECTORY)}
    folder = tmp_path / "out"
    folder.mkdir()
    for home, kind in ((tmp_path, "MappedRamLayer"), (folder, "FileLayer")):
        args = (fixtures["none"].path, folder, "layerwriter.LayerWriter", "--list")
        done = vol(*args, HOME=str(home))
        assert done.returncode == 0, done.stderr
        assert f"\t{kind}\n" in done.stdout
