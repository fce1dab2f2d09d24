"""The export formats, on files of a real QEMU, and messages about missing parts."""

import signal
import struct
from pathlib import Path

import numpy as np
import pytest

import mappedram
from mappedram.export.convert import convert
from mappedram.format.foreign.elf import Encoding
from mappedram.guest.cpu import cpu_notes
from mappedram.guest.physical import Range, physical_map
from tests.cli.conftest import Run, interrupted, on
from tests.conftest import Fixtures
from tests.export.readers import Bytes, core, lime
from tests.files import copy_sparse, extents, patch
from tests.qemu.test_fresh import binary
from tests.stream.libvirt.samples import Samples
from tools.oracle import OracleBlock, OracleFile
from tools.qemu import Machine

MIB = 1 << 20
LIBVIRT = ("gzip", "bzip2", "xz", "lzop", "zstd", "sparse", "sparse-2ch")
#: Mapped-ram, other alignment, streams without mapped-ram, several blocks, other architectures.
FILES = ("pc", "live", "plain", "offset-unaligned", "numa2", "microvm", "aarch64-virt", "s390x")


def memory(path: Path, offset: int = 0) -> list[tuple[Range, bytes]]:
    """Each range of the map without flash, read block by block."""
    with mappedram.open(path, offset) as snapshot:
        return [
            (one, snapshot.block[one.idstr].read(one.offset, one.size))
            for one in physical_map(snapshot).ranges
            if one.idstr not in ("virt.flash0", "virt.flash1")
        ]


def same(data: Bytes, expected: bytes) -> bool:
    return np.array_equal(data, np.frombuffer(expected, np.uint8))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("more", [(), ("--channels", 3), ("--direct-io",)], ids=str)
def test_all_of_memory_is_there(
    fixtures: Fixtures, tmp_path: Path, run: Run, name: str, more: tuple[object, ...]
) -> None:
    fixture = fixtures[name]
    for form in ("elf", "lime", "raw"):
        outcome = run(*on("convert", fixture, "-O", form, tmp_path / form, *more))
        assert outcome.status == 0, outcome.err
    held, ranges = core(tmp_path / "elf").memory, lime(tmp_path / "lime")
    assert ranges == held
    raw = np.memmap(tmp_path / "raw", np.uint8, "r")
    parts = memory(fixture.path, fixture.offset)
    assert len(raw) == max(one.end for one, _ in parts if one.is_ram)
    for one, data in parts:
        assert same(held.at(one.gpa, one.size), data)
        assert same(raw[one.gpa : one.end], data) or one.gpa >= len(raw)


@pytest.mark.parametrize("name", LIBVIRT)
def test_save_images_of_libvirt(samples: Samples, tmp_path: Path, run: Run, name: str) -> None:
    """One guest saved in all formats of libvirt has the same memory."""
    whole = []
    for sample in ("raw", name):
        out = tmp_path / "out"
        outcome = run("convert", "-O", "elf", samples[sample].path, out, "--force")
        assert (outcome.status, outcome.err) == (0, "")
        whole.append(core(out))
        out.unlink()
    assert whole[0].memory == whole[1].memory
    assert [note.name for note in whole[1].notes] == ["CORE", "QEMU"]


def test_headers(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Header fields that elf2dmp, crash, LeechCore and Volatility need in a core."""
    out = tmp_path / "out"
    assert run(*on("convert", fixtures["q35"], "-O", "elf", out)).status == 0
    found = core(out)
    assert found.machine == "EM_X86_64"
    assert found.kinds[0] == "PT_NOTE"
    assert set(found.kinds[1:]) == {"PT_LOAD"}
    assert all(offset % MIB == 0 for offset in found.offsets[1:])
    assert all(paddr == vaddr and kept == size > 0 for paddr, vaddr, kept, size in found.sizes)
    header = out.read_bytes()[:64]
    assert struct.unpack_from("<HHHHHH", header, 52) == (64, 56, len(found.kinds), 0, 0, 0)
    assert struct.unpack_from("<QQ", header, 32) == (64, 0)
    assert found.offsets[0] + sum(len(note.whole) for note in found.notes) < 8192


def test_pages_that_are_not_stored_are_holes(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Even if the snapshot has stale bytes of a page that became zero."""
    fixture = fixtures["live"]
    with mappedram.open(fixture.path, fixture.offset) as snapshot:
        (first, *_) = physical_map(snapshot).ranges
        bitmap = snapshot.block[first.idstr].bitmap
        clear = [page for page in range(32, 48) if not bitmap[page]]
    assert clear
    for form, place in (("elf", MIB), ("raw", 0)):
        out = tmp_path / form
        assert run(*on("convert", fixture, "-O", form, out)).status == 0
        data = {
            page
            for start, end in extents(out)
            for page in range((start - place) >> 12, (end - place) >> 12)
        }
        assert not set(clear) & data
        assert out.stat().st_blocks * 512 < 2 * MIB < out.stat().st_size


def test_missing_registers_are_told_of(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Memory is still useful without them."""
    outcome = run(*on("convert", fixtures["no-vmdesc"], "-O", "elf", tmp_path / "out"))
    assert outcome.status == 0
    assert "no registers: the file has no JSON description" in outcome.err
    found = core(tmp_path / "out")
    assert (found.machine, found.notes) == ("EM_X86_64", ())
    assert found.memory.places[0][0] == 0


def test_the_state_of_a_cpu_decides_its_registers_but_not_the_architecture(
    fixtures: Fixtures,
) -> None:
    """A program of 32 bits uses other fields; the core is still that of a 64-bit guest."""
    with mappedram.open(fixtures["aarch64-virt"].path) as snapshot:
        device = snapshot.state["cpu", 0]
        device["env.xregs[1]"] = 0x1111
        device["env.regs[1]"] = 0x2222
        for state, value in ((0, 0x1111), (0x10, 0x2222)):
            device["cpsr"] = 0x3C0 | state
            found = cpu_notes(snapshot.stream, snapshot.state)
            assert found.architecture is not None
            assert (found.architecture.name, found.encoding) == ("aarch64", Encoding(64, False))
            assert [note.name for note in found.notes] == ["CORE", "CORE"]
            assert found.notes[0].desc[120:128] == value.to_bytes(8, "little")


def test_guest_in_another_order_of_bytes(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    assert run(*on("convert", fixtures["s390x"], "-O", "elf", out)).status == 0
    found = core(out)
    assert (found.machine, found.encoding) == ("EM_S390", (64, ">"))
    assert len(found.notes) == 10
    assert found.memory.places == [(0, 16 * MIB)]
    assert run(*on("convert", fixtures["s390x"], "-O", "lime", tmp_path / "lime")).status == 0
    assert lime(tmp_path / "lime") == found.memory


def test_guest_whose_architecture_has_no_core(tmp_path: Path, run: Run) -> None:
    """No core is written with a wrong header."""
    out = tmp_path / "out"
    block = OracleBlock("m68k_virt.ram", 16 * MIB, [(0, 1)])
    outcome = run("convert", "-O", "elf", pc_of(tmp_path / "in", block, machine="virt"), out)
    assert outcome.status == 63
    assert "is for m68k: ELF cores are supported only for x86_64" in outcome.err
    assert not list(tmp_path.glob("*out*")) + list(tmp_path.glob(".mappedram*"))


@pytest.mark.qemu
def test_addresses_of_32_bits_are_not_cut_off(tmp_path: Path) -> None:
    """QEMU's core of a 32-bit guest cannot name an address above 4 GiB."""
    path, out = tmp_path / "in", tmp_path / "out"
    args = ["-accel", "tcg", "-M", "virt", "-cpu", "cortex-a15", "-m", "5G"]
    with Machine(binary("arm"), args) as machine:
        machine.save(path)
    convert(path, out, "elf")
    found = core(out)
    assert (found.machine, found.encoding) == ("EM_ARM", (64, "<"))
    assert found.memory.places == [(0x40000000, 5 << 30)]


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        ("", "expected numbers of bits"),
        ("128,,256", "expected numbers of bits"),
        ("256", "expected multiples of 128 up to 2048 bits, among them 128; got 256"),
        ("128,200", "got 128, 200"),
        ("128,2176", "got 128, 2176"),
    ],
)
def test_impossible_vector_lengths(
    fixtures: Fixtures, tmp_path: Path, run: Run, lengths: str, said: str
) -> None:
    out = tmp_path / "out"
    fixture = fixtures["aarch64-sve"]
    outcome = run(*on("convert", fixture, "-O", "elf", "--vector-lengths", lengths, out))
    assert outcome.status == 64
    assert said in outcome.err
    outcome = run(*on("convert", fixture, "-O", "raw", "--vector-lengths", "128", out))
    assert (outcome.status, out.exists()) == (64, False)
    assert "--vector-lengths: require the form elf, not raw" in outcome.err


def pc_of(path: Path, *blocks: OracleBlock, machine: str = "pc-q35-10.0") -> Path:
    with path.open("w+b") as stream:
        OracleFile(blocks, machine=machine).write(stream.fileno())
    return path


def test_below_4g_is_heeded(tmp_path: Path, run: Run) -> None:
    """The page behind the end of low memory is the first above 4 GiB."""
    fill = b"".join(bytes([number]) * 4096 for number in (1, 2))
    path = pc_of(tmp_path / "guest", OracleBlock("pc.ram", 64 * MIB, [(2047, 2049)], fill))
    out = tmp_path / "out"
    assert run("convert", "-O", "lime", "--below-4g", "8M", path, out).status == 0
    found = lime(out)
    assert found.places == [(0, 8 * MIB), (1 << 32, 56 * MIB)]
    assert set(found.at((8 << 20) - 4096, 4096)) == {1}
    assert set(found.at(1 << 32, 4096)) == {2}
    assert run("convert", "-O", "elf", "--below-4g", "8M", path, out, "--force").status == 0
    assert core(out).memory == found
    outcome = run("convert", "-O", "lime", "--below-4g", "10000000", path, out, "--force")
    assert outcome.status == 63
    assert "not aligned to pages of 0x1000 bytes" in outcome.err


@pytest.mark.qemu
def test_pages_that_devices_cover_in_part_are_left_out(tmp_path: Path) -> None:
    """The registers of this machine are amid RAM, some of them in less than a page."""
    path, out = tmp_path / "in", tmp_path / "out"
    with Machine(binary("aarch64"), ["-accel", "tcg", "-M", "raspi3b"]) as machine:
        machine.save(path)
    convert(path, out, "lime")
    with mappedram.open(path) as snapshot:
        page_size = snapshot.block["ram"].page_size
    places = lime(out).places
    # 0x20 bytes of registers are at 0x3f003000, and as many within the next 4 KiB.
    behind = {1024: (0x3F003400, 0xC00), 4096: (0x3F005000, 0x1000)}
    assert places[:2] == [(0, 0x3F003000), behind[page_size]]
    assert all(gpa % page_size == size % page_size == 0 for gpa, size in places)


def test_raw_of_a_machine_that_nothing_is_known_of(tmp_path: Path, run: Run) -> None:
    one = pc_of(tmp_path / "one", OracleBlock("ram", MIB, [(1, 2)], b"\7"), machine="unheard-of")
    out = tmp_path / "out"
    outcome = run("convert", "-O", "raw", one, out)
    assert outcome.status == 0
    assert "writing only block 'ram'" in outcome.err
    assert out.read_bytes() == bytes(4096) + b"\7" * 4096 + bytes(MIB - 8192)
    two = pc_of(
        tmp_path / "two", OracleBlock("a", MIB), OracleBlock("b", MIB), machine="unheard-of"
    )
    outcome = run("convert", "-O", "raw", two, out, "--force")
    assert outcome.status == 64
    assert "choose one of the 2 blocks with -b" in outcome.err
    assert run("convert", "-O", "raw", "-b", "b", two, out, "--force").status == 0
    for form in ("elf", "lime"):
        outcome = run("convert", "-O", form, two, out, "--force")
        assert outcome.status == 63
        assert "`mappedram extract` writes its RAM blocks" in outcome.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("-O", "mapped-ram", "--below-4g", "1G"), "--below-4g requires"),
        (("-O", "raw", "-b", "pc.ram", "--below-4g", "1G"), "--below-4g requires"),
        (("-O", "elf", "-b", "pc.ram"), "-b IDSTR requires -O raw"),
        (("-O", "elf", "--below-4g", "0"), "expected 1 byte to 4 GiB"),
        (("-O", "elf", "--below-4g", "5G"), "expected 1 byte to 4 GiB"),
        (("-O", "elf", "--below-4g", "much"), "much"),
    ],
)
def test_wrong_usage(
    fixtures: Fixtures, tmp_path: Path, run: Run, args: tuple[str, ...], said: str
) -> None:
    outcome = run("convert", *args, fixtures["pc"].path, tmp_path / "out")
    assert outcome.status == 64
    assert said in outcome.err
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("form", ["elf", "lime", "raw"])
def test_what_fails_leaves_nothing(fixtures: Fixtures, tmp_path: Path, run: Run, form: str) -> None:
    killed = run(*on("convert", fixtures["killed"], "-O", form, tmp_path / "out"))
    assert killed.status == 1
    path = copy_sparse(fixtures["pc"].path, tmp_path / "short")
    with mappedram.open(path) as snapshot:
        block = snapshot.block["pc.ram"].model
    # The bit of a page beyond the largest possible file.
    patch(path, block.header_end - 8, struct.pack(">Q", 1 << 40))
    short = run("convert", "-O", form, path, tmp_path / "out")
    assert short.status == 1
    (tmp_path / "out").write_text("precious")
    there = run(*on("convert", fixtures["pc"], "-O", form, tmp_path / "out"))
    assert there.status == 1
    assert "already exists" in there.err
    assert (tmp_path / "out").read_text() == "precious"
    assert {entry.name for entry in tmp_path.iterdir()} == {"out", "short"}


@pytest.mark.parametrize("form", ["elf", "lime"])
def test_an_end_by_signal_leaves_nothing(tmp_path: Path, form: str) -> None:
    pages = [(page, page + 1) for page in range(0, 1 << 18, 2)]
    path = pc_of(tmp_path / "guest", OracleBlock("pc.ram", 1 << 30, pages))
    folder = tmp_path / "folder"
    folder.mkdir()
    done = interrupted(signal.SIGINT, folder, "convert", "-O", form, path, folder / "out")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "mappedram: interrupted")
    assert list(folder.iterdir()) == []
