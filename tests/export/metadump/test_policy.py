"""The kept fields: the table, defaults for other fields, and patterns."""

from collections.abc import Sequence

import pytest

import mappedram
from mappedram.errors import BuildError
from mappedram.export.metadump import ENTRIES, Options, Policy
from mappedram.export.metadump.policy import Pattern
from tests.conftest import Fixtures, manifest
from tests.export.metadump.making import metadump


@pytest.mark.parametrize(
    ("idstr", "path", "kind", "row_length", "kept"),
    [
        ("cpu", "env.regs[3]", "uint64", 128, False),
        ("cpu", "env.mp_state", "uint32", 4, True),
        ("cpu_common", "halted", "uint32", 4, True),
        ("0000:00:02.0/e1000", "parent_obj.config[0]", "pci config", 256, True),
        ("0000:00:02.0/e1000", "mac_reg_array", "uint32", 512, False),
        ("0000:00:02.0/e1000", "rxbuf_size", "uint32", 4, True),
        ("0000:00:02.0/virtio-net", "virtio", "virtio", 5000, False),
        ("serial", "serial.rbr", "uint8", 1, False),
        ("serial", "serial.lcr", "uint8", 1, True),
        ("anything", "queue", "buffer", 4, False),
        ("anything", "fifo[2]", "uint8", 16, True),
        ("anything", "fifo[2]", "uint8", 17, False),
        ("anything", "alarm", "timer", 8, True),
        ("apic", "irr[7]", "uint32", 32, True),
        ("apic", "(rest)", "undecoded", 100, False),
        ("tpm-tis", "state.loc[0].sts", "uint32", 4, False),
        ("globalstate", "runstate", "buffer", 32, True),
        ("globalstate", "unused", "buffer", 66, False),
    ],
)
def test_by_default(idstr: str, path: str, kind: str, row_length: int, kept: bool) -> None:
    assert Policy().keeps(idstr, path, kind, row_length) is kept


@pytest.mark.parametrize(
    ("state", "blank", "keep", "kept"),
    [
        ("all", [], [], True),
        ("none", [], [], False),
        ("all", ["cpu:env.regs*"], [], False),
        ("all", ["cpu:env.eip"], [], True),
        ("none", [], ["cpu:env.regs[3]"], True),
        ("none", [], ["cpu:env.regs[4]"], False),
        ("default", [], ["*:*"], True),
        ("default", ["c?u:*"], ["*:*"], False),
    ],
)
def test_patterns(state: str, blank: Sequence[str], keep: Sequence[str], kept: bool) -> None:
    policy = Policy.of(state, blank, keep)  # type: ignore[arg-type]
    assert policy.keeps("cpu", "env.regs[3]", "uint64", 128) is kept


def test_device_of_a_bus() -> None:
    """The last colon ends the device, which can be named with or without its bus."""
    for text in ("0000:00:1f.2/ich9_ahci:parent_obj.*", "ich9_ahci:parent_obj.*"):
        assert Pattern.of(text).fits("0000:00:1f.2/ich9_ahci", "parent_obj.config")
        assert not Pattern.of(text).fits("0000:00:1f.3/ich9_smb", "parent_obj.config")


@pytest.mark.parametrize("text", ["cpu", ":eip", "cpu:", ""])
def test_pattern_without_a_side(text: str) -> None:
    with pytest.raises(BuildError, match="expected DEVICE:FIELD"):
        Pattern.of(text)


def test_table_gives_reasons() -> None:
    assert all(entry.reason and entry.device and entry.field for entry in ENTRIES)
    names = [(entry.device, entry.field) for entry in ENTRIES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["pc", "q35", "aarch64-virt", "pc-11"])
def test_state_can_still_be_decoded(fixtures: Fixtures, name: str) -> None:
    """Fields keep their places and types; kept fields have their values."""
    path, offset = fixtures[name].path, manifest()[name].get("offset", 0)
    with (
        metadump(path, offset) as fd,
        mappedram.open(path, offset) as before,
        mappedram.open(fd, offset) as after,
    ):
        assert after.state.problem is None
        same = 0
        for old, new in zip(before.state, after.state, strict=True):
            for (here, leaf), (there, other) in zip(old.leaves(), new.leaves(), strict=True):
                assert (here, leaf.type, leaf.offset, leaf.length) == (
                    there,
                    other.type,
                    other.offset,
                    other.length,
                )
                same += leaf.value == other.value
        assert same > 100
        assert after.state["globalstate"]["runstate"] == before.state["globalstate"]["runstate"]


def test_all_is_all(fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with (
        metadump(path, options=Options(Policy("all"))) as fd,
        mappedram.open(path) as before,
        mappedram.open(fd) as after,
    ):
        assert after.state.to_json() == before.state.to_json()
