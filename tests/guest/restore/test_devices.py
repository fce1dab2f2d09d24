"""Guests with devices: QEMU saves one, and loads it as the hint says.

`python -m tools.devices` does this with every device; these are of different kinds.
"""

import shutil
from pathlib import Path

import pytest

from tests.qemu.test_fresh import binary
from tools.devices.cases import BOARDS, cases
from tools.devices.results import Row
from tools.devices.trial import run

NAMES = (
    "pc/rtl8139",
    "pc/vmware-svga",
    "pc/acpi-erst",
    "pc/sd-card",
    "pc/+usb-companions",
    "pc/+two-scsi",
    "pc/+topology",
    "pc/+numa",
    "pc/isa-ipmi-kcs",
    "pc/+network-user",
    "pc/+virtio-options",
    "q35/+bridges",
    "q35/+expanders",
    "q35/+dimms",
    "q35/+libvirt-q35",
    "q35/+without",
    "virt/+mmio",
    "virt/+secure",
    "virt/scsi-cd",
)


def tried(folder: Path, name: str) -> Row:
    """The result of a case, which loads as printed."""
    board = next(one for one in BOARDS if one.name == name.partition("/")[0])
    emulator = binary(board.arch)
    case = next(one for one in cases(board, emulator) if one.name == name)
    row = run(case, emulator, folder)
    assert row["saved"] == "completed"
    assert row["not_covered"] == []
    assert row["loaded"] == "completed"
    return row


@pytest.mark.qemu
@pytest.mark.parametrize("name", NAMES)
def test_a_guest_loads_as_printed(tmp_path: Path, name: str) -> None:
    tried(tmp_path, name)


@pytest.mark.qemu
@pytest.mark.parametrize("device", ["nvdimm", "pc-dimm"])
def test_an_nvdimm_is_told_from_a_dimm(tmp_path: Path, device: str) -> None:
    """By an ACPI table that QEMU makes for NVDIMMs."""
    (option,) = tried(tmp_path, f"pc/{device}")["options"]
    assert option == f"-device {device},id=dimm0,memdev=m0"


@pytest.mark.qemu
@pytest.mark.skipif(shutil.which("swtpm") is None, reason="swtpm is not installed")
@pytest.mark.parametrize("device", ["tpm-crb", "tpm-tis"])
def test_a_guest_with_a_tpm(tmp_path: Path, device: str) -> None:
    tried(tmp_path, f"pc/{device}")
