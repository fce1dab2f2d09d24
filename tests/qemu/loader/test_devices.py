"""Devices, commands and capabilities in the loader, by release."""

import os
from pathlib import Path

import pytest

import mappedram
from mappedram.check import check
from mappedram.format.constants import SectionType
from mappedram.qemu.loader import RELEASES, Destination, LocalBlock, Verdict, verdicts
from mappedram.qemu.loader.destination import Handler
from mappedram.qemu.loader.releases import Loader
from tests.check.draft import Draft
from tests.conftest import Fixtures

#: Offsets of the fields `state` and `rom_state_paddr` of kvm-tpr-opt.
STATE, PLACE = 124, 140
COMMAND = 8


def found(draft: Draft, destination: Destination | None = None) -> dict[str, Verdict]:
    with draft.snapshot() as snapshot:
        return verdicts(snapshot, destination=destination)


def own(draft: Draft) -> Destination:
    with draft.snapshot() as snapshot:
        return Destination.of(snapshot)


def loading(draft: Draft, destination: Destination | None = None) -> list[str]:
    return [name for name, one in found(draft, destination).items() if one.outcome == "loads"]


SINCE_10 = [name for name in RELEASES if not name.startswith("9.")]


# kvm-tpr-opt.


@pytest.mark.parametrize("known", [False, True])
def test_an_option_rom_has_to_be_where_the_device_says(
    fixtures: Fixtures, tmp_path: Path, known: bool
) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    destination = own(draft) if known else None
    device = draft.section(SectionType.FULL, "kvm-tpr-opt").payload_offset
    assert loading(draft, destination) == SINCE_10
    with draft.snapshot() as snapshot:
        block = snapshot.block["pc.ram"]
        full = next(n for n in range(block.num_pages) if block.page(n)[2] and n * 4096 < 1 << 20)
        empty = next(n for n in range(1, 256) if not block.page(n)[2])
    draft.write(device + PLACE, (full * 4096).to_bytes(4, "big"))
    assert loading(draft, destination) == SINCE_10
    draft.write(device + PLACE, (empty * 4096).to_bytes(4, "big"))
    refused = found(draft, destination)
    assert {one.outcome for one in refused.values()} == {"refuses"}
    old, new = refused["10.1"], refused["10.2"]
    assert old.because == new.because == ("E-058",)
    assert old.message == "error while loading state for instance 0x0 of device 'kvm-tpr-opt'"
    assert new.message == f"{old.message}: post load hook failed for: kvm-tpr-opt, version_id: 1"
    # Behind the end of RAM.
    draft.write(device + PLACE, (0xFFFFF000).to_bytes(4, "big"))
    assert loading(draft, destination) == []
    # Without an address, only the state makes QEMU look.
    draft.write(device + PLACE, bytes(4))
    assert loading(draft, destination) == SINCE_10


# Commands.


def test_what_a_command_is_changes(fixtures: Fixtures, tmp_path: Path) -> None:
    """The number of ENABLE_COLO is unused since 11.0; before 10.0, newer commands are unknown."""
    draft = Draft(fixtures["none"], tmp_path)
    command = draft.section(SectionType.COMMAND)
    number = command.offset + 1
    assert {found(draft)[name].because for name in ("9.0", "9.2")} == {("E-060",)}
    draft.write(number, COMMAND.to_bytes(2, "big"))
    verdict = found(draft)
    for name in ("9.0", "10.2"):  # with the capability on
        assert (verdict[name].outcome, verdict[name].depends_on_destination) == ("loads", True)
    assert {verdict[name].outcome for name in ("11.0", "11.1.3")} == {"refuses"}
    assert verdict["11.0"].message == "MIG_CMD 0x8 deprecated (len 0x0)"
    off = found(draft, Destination(capabilities=frozenset(("mapped-ram",))))
    assert off["10.2"].because == ("MR063",)
    words = "ENABLE_COLO command come in migration stream, but {}-colo capability is not set"
    assert [off[name].message for name in ("9.0", "9.1", "10.2")] == [
        words.format(letter) for letter in "cxx"
    ]
    draft.write(number + 2, b"\0\1")
    draft.insert(number + 4, b"\0")
    assert found(draft)["10.2"].message == ("(null) received with bad length - expecting 0, got 1")
    draft.write(number, (99).to_bytes(2, "big"))
    assert {one.because for one in found(draft).values()} == {("MR031",)}


def test_listen_behind_advise_is_taken(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["none"], tmp_path)
    command = draft.section(SectionType.COMMAND)
    draft.write(command.offset + 1, (4).to_bytes(2, "big"))
    alone = found(draft)["10.0"]
    assert (alone.outcome, alone.message) == (
        "refuses",
        "CMD_POSTCOPY_LISTEN in wrong postcopy state (0)",
    )
    draft.insert(command.offset, b"\x08\0\3\0\0")
    behind = found(draft)["10.0"]
    assert (behind.outcome, behind.certain) == ("loads", False)


# Capabilities.


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("compress", "9.0", "9.0"),
        ("block", "9.0", "9.0"),
        ("zero-blocks", "9.0", "10.2"),
        ("multifd", "9.0", "11.1.3"),
    ],
)
def test_capabilities_come_and_go(
    fixtures: Fixtures, tmp_path: Path, name: str, first: str, last: str
) -> None:
    draft = Draft(fixtures["none"], tmp_path)
    place, length = draft.field("/configuration/subsections[0]", "body/caps_count")
    end = draft.section(SectionType.START).offset
    listed = draft.read(place + length, end - place - length)
    mine = bytes([len(name)]) + name.encode()
    draft.write(place, (2).to_bytes(4, "big") + mine + listed)
    draft.write(place + length + len(mine) + len(listed), b"\0")
    messages = {key: one.message for key, one in found(draft).items()}
    refused = [
        key for key, text in messages.items() if text == f"Received unknown capability {name}"
    ]
    names = list(RELEASES)
    knows = names[names.index(first) : names.index(last) + 1]
    assert refused == [key for key in names if key not in knows]


# Names and versions of devices.


def test_a_device_is_found_without_its_path() -> None:
    compat = Handler("0000:00:1f.2/ich9_ahci", 0, 1, -1, None, ("ich9_ahci", 1))
    loader = Loader(RELEASES["10.0"])
    assert compat.answers("0000:00:1f.2/ich9_ahci", 0, loader)
    assert compat.answers("ich9_ahci", 1, loader)
    assert not compat.answers("ich9_ahci", 0, loader)
    assert not compat.answers("ahci", 1, loader)


def test_names_without_paths_are_counted(fixtures: Fixtures) -> None:
    """QEMU numbers each name in the order of the sections."""
    with mappedram.open(fixtures["q35"].path) as snapshot:
        handlers = Destination.of(snapshot).handlers or ()
    compat = {one.idstr: one.compat for one in handlers}
    assert compat["0000:00:1f.2/ich9_ahci"] == ("ich9_ahci", 0)
    assert compat["timer"] is None
    names = [one for one in compat.values() if one]
    assert len(set(names)) == len(names)


def test_a_device_without_a_version_in_the_text(fixtures: Fixtures, tmp_path: Path) -> None:
    """It loads itself, and the version is that of its section."""
    draft = Draft(fixtures["none"], tmp_path)
    text = draft.description()
    payload = draft.read_payload(text)
    without = payload.replace(b'"vmsd_name": "timer", "version": 2,', b'"vmsd_name": "timer",')
    assert without != payload
    draft.write(text.payload_offset, without.ljust(len(payload)))
    assert loading(draft, own(draft)) == SINCE_10


# Shared memory.


def test_shared_memory_has_to_be_where_it_was(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["ignore-shared"].path) as snapshot:
        destination = Destination.of(snapshot)
        blocks = dict(destination.blocks or {})
        addr = snapshot.block["pc.ram"].model.addr
        assert addr is not None
        outcomes = []
        for place in (None, addr, addr + 4096):
            blocks["pc.ram"] = LocalBlock.like("pc.ram", blocks["pc.ram"].used_length, place)
            local = Destination(
                capabilities=destination.capabilities, blocks=blocks, handlers=destination.handlers
            )
            outcomes.append(verdicts(snapshot, destination=local)["11.0"])
    assert [one.outcome for one in outcomes] == ["loads", "loads", "refuses"]
    assert outcomes[2].message == f"Mismatched GPAs for block pc.ram {addr}!= {addr + 4096}"


@pytest.mark.parametrize(
    ("idstr", "message"),
    [("dma", None), ("timer", "check_section_footer: Read section footer failed: -5")],
)
def test_cut_right_behind_a_device(
    idstr: str, message: str | None, fixtures: Fixtures, tmp_path: Path
) -> None:
    """After a device that ends with a structure, QEMU looks for a subsection before the footer."""
    draft = Draft(fixtures["pc"], tmp_path)
    destination = own(draft)
    section = draft.section(SectionType.FULL, idstr)
    os.truncate(draft.path, section.payload_offset + section.payload_length)
    verdict = found(draft, destination)["10.0"]
    assert (verdict.outcome, verdict.message) == ("refuses", message)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (b"paused", "loads"),
        (b"walking", "refuses"),
        (b"", "refuses"),
        (b"paused" + bytes(1) + b"x", "loads"),
        (b"x" * 32, "refuses"),
        (b"inmigrate", "loads"),
        (b"debug", "crashes"),
        (b"save-vm", "crashes"),
        (b"restore-vm", "crashes"),
    ],
)
def test_state_of_the_guest(state: bytes, outcome: str, fixtures: Fixtures, tmp_path: Path) -> None:
    """Measured with 10.0.2 and 11.1.3."""
    draft = Draft(fixtures["none"], tmp_path)
    section = draft.section(SectionType.FULL, "globalstate")
    place = draft.write(section.payload_offset + 4, state.ljust(32, b"\0"))
    report = check(draft.path)
    for release in ("10.0", "11.1.3"):
        verdict = report.qemu[release]
        loads = outcome == "loads"
        assert (verdict.outcome, verdict.offset) == (outcome, None if loads else place)
        assert verdict.because == (() if loads else ("MR061",))
        words = f"invalid parameter value: {state[:31].decode()}"
        assert verdict.message == (words if outcome == "refuses" else None)
