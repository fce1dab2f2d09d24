"""Volatility 3 finds banners at their physical addresses, and page tables, in every form."""

import json
import re
import sys
from pathlib import Path

import pytest

from mappedram.export.volatility import PLUGIN_DIRECTORY
from tests.export.consumers.conftest import Export, Guests
from tests.export.consumers.programs import addresses, banner, loads, module, python, registers, run
from tools.linux import Guest
from tools.linux.initrd import MARKER_PAGES

pytestmark = pytest.mark.qemu

XML = "<domain type='qemu'><name>guest</name></domain>"
#: With memory above 4 GiB.
GUEST = "q35-high"
FORMS = ["elf", "lime", "raw"]
#: Forms that the layer reads directly.
SOURCES = ["mapped-ram", "stream", "libvirt-sparse"]


def banners(path: Path, *options: object) -> dict[int, str]:
    """Banners found by Volatility, by address."""
    module("volatility3")
    vol = Path(sys.executable).with_name("vol")
    done = run(vol, "-q", "--offline", *options, "-f", path, "banners.Banners")
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^(0x[0-9a-f]+)\t(.*)$", done.stdout, re.MULTILINE)
    return {int(address, 16): text for address, text in found}


def expected(guest: Guest) -> set[int]:
    """Address of the kernel's banner in QEMU's dump; memory also has truncated copies."""
    found = set(addresses(guest.dump, f"{banner(guest)}\n\0".encode()))
    assert found
    return found


def check(guest: Guest, found: dict[int, str]) -> None:
    """The banner is found at its address, and nowhere else."""
    assert {place for place, text in found.items() if text == banner(guest)} == expected(guest)


def source(guest: Guest, form: str, export: Export, folder: Path) -> Path:
    """The guest in a form that the layer reads."""
    if form == "libvirt-sparse":
        xml = folder / "domain.xml"
        xml.write_text(XML)
        return export(form, guest.mapped_ram, "--xml", xml)
    return guest.mapped_ram if form == "mapped-ram" else guest.stream


@pytest.mark.parametrize("form", FORMS)
def test_finds_the_banner_in_exports(guests: Guests, export: Export, form: str) -> None:
    # Volatility is slow; in a raw file, it also reads the gaps between ranges.
    guest = guests(GUEST if form == "elf" else "pc")
    check(guest, banners(export(form, guest.mapped_ram)))


@pytest.mark.parametrize("form", SOURCES)
def test_finds_the_banner_in_snapshots(
    guests: Guests, export: Export, tmp_path: Path, form: str
) -> None:
    guest = guests(GUEST)
    check(guest, banners(source(guest, form, export, tmp_path), "-p", PLUGIN_DIRECTORY))


def test_takes_a_snapshot_for_flat_memory_without_the_layer(guests: Guests) -> None:
    """This is why a layer is needed: these addresses are offsets in the file."""
    guest = guests("pc")
    found = banners(guest.mapped_ram)
    assert banner(guest) in found.values()
    assert not set(found) & expected(guest)


@pytest.mark.parametrize("name", ["q35", "q35-high"])
def test_scans_memory_and_follows_page_tables_through_the_layer(guests: Guests, name: str) -> None:
    """As plugins for Linux do; they would need symbols made from debug information."""
    module("volatility3")
    guest = guests(name)
    text = next(
        text
        for text in (text_at(guest.dump, place) for place in addresses(guest.dump, b"OSRELEASE="))
        if "SYMBOL(init_uts_ns)" in text
    )
    symbol = re.search(r"SYMBOL\(init_uts_ns\)=([0-9a-f]+)", text)
    assert symbol
    directory = registers(guest.registers)[0]["cr3"] & ~0xFFF
    pattern = "mappedram marker, page "
    words = (guest.mapped_ram, pattern, hex(directory), f"0x{symbol[1]}")
    seen = json.loads(python("volatility_reads.py", *words))
    assert guest.kernel.encode() in bytes.fromhex(seen["virtual"])
    markers = addresses(guest.dump, pattern.encode())
    assert len(markers) >= MARKER_PAGES
    assert sorted(seen["found"]) == markers
    if name == "q35-high":
        assert markers[-1] >= 1 << 32


def text_at(core: Path, place: int) -> str:
    """A page or less of memory in QEMU's dump."""
    for paddr, offset, size in loads(core):
        if paddr <= place < paddr + size:
            with core.open("rb") as file:
                file.seek(offset + place - paddr)
                return file.read(4096).split(b"\0")[0].decode(errors="replace")
    raise LookupError(hex(place))
