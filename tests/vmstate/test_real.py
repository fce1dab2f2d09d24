"""Device state in files that a real QEMU wrote: every byte is accounted for, and known values."""

import os
from pathlib import Path

import pytest

import mappedram
from mappedram import BuildError, vmstate
from mappedram.layout.constants import SectionType
from mappedram.rebuild import rebuild
from mappedram.vmstate import Undecoded
from mappedram.vmstate.tree import Array
from tests.conftest import Fixture, Fixtures
from tests.vmstate.real import DESCRIBED
from tests.vmstate.synthetic import check_leaves


def opened(fixture: Fixture) -> mappedram.Snapshot:
    return mappedram.open(fixture.path, fixture.offset, partial=True)


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_byte_of_every_device_is_decoded(fixtures: Fixtures, name: str) -> None:
    with opened(fixtures[name]) as snapshot:
        state = vmstate.decode(snapshot)
        assert state.problem is None
        full = [one for one in snapshot.sections if one.type == SectionType.FULL]
        assert [(one.idstr, one.instance_id, one.section_id, one.version_id) for one in full] == [
            (one.idstr, one.instance_id, one.section_id, one.version_id) for one in state
        ]
        for section, device in zip(full, state, strict=True):
            assert (device.offset, device.length) == (
                section.payload_offset,
                section.payload_length,
            )
        assert state.configuration
        for device in (state.configuration, *state):
            check_leaves(device)
            for path, leaf in device.leaves():
                assert not isinstance(leaf.value, Undecoded), (device.idstr, path)


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_value_is_encoded_as_it_was(fixtures: Fixtures, name: str) -> None:
    with opened(fixtures[name]) as snapshot:
        for device in vmstate.decode(snapshot):
            data = snapshot.source.read(device.offset, device.length)
            for path, leaf in device.leaves():
                if not leaf.framing and leaf.length:
                    start = leaf.offset - device.offset
                    expected = leaf.offset, data[start : start + leaf.length]
                    assert device.encode(path, vmstate.to_json(leaf.value)) == expected, path


def test_known_values_of_a_pc(fixtures: Fixtures) -> None:
    """A PC that was never started: the state after reset."""
    with opened(fixtures["pc"]) as snapshot:
        state = vmstate.decode(snapshot)
    cpu = state["cpu", 0]
    assert cpu["env.eip"] == 0xFFF0
    assert cpu["env.segs[1].selector"] == 0xF000
    assert cpu["env.segs[1].base"] == 0xFFFF0000
    assert cpu["env.eflags"] == 2
    assert cpu["env.cr[0]"] == 0x60000010
    assert cpu["env.regs"] == [0, 0, cpu["env.regs[2]"], *[0] * 13]
    assert state["globalstate"].fields["runstate"] == b"prelaunch".ljust(32, b"\0")
    # The century, the year, the month and the day of 2024-01-01, as the clock of a PC keeps them.
    cmos = state["mc146818rtc"]["cmos_data"]
    assert isinstance(cmos, bytes)
    assert (cmos[0x32], cmos[9], cmos[8], cmos[7]) == (0x20, 0x24, 1, 1)


def test_name_of_a_field_that_is_the_path_of_another(fixtures: Fixtures) -> None:
    with opened(fixtures["pc"]) as snapshot:
        timer = vmstate.decode(snapshot)["i8254"]
    inner = timer.find("channels[0].next_transition_time")
    outer = timer.find("'channels[0].next_transition_time'")
    assert outer.offset - inner.offset == 2 * 32 + 8
    assert outer.end == timer.offset + timer.length


def test_array_with_index_on_all_but_the_last_element(fixtures: Fixtures) -> None:
    with opened(fixtures["q35"]) as snapshot:
        ports = vmstate.decode(snapshot)["0000:00:1f.2/ich9_ahci"].find("ahci.dev")
    assert isinstance(ports, Array)
    assert len(ports.items) == 6
    assert {item.length for item in ports.items} == {644}


def test_opaque_device(fixtures: Fixtures) -> None:
    with opened(fixtures["virtio-mem"]) as snapshot:
        state = vmstate.decode(snapshot)
    assert next(one.idstr for one in state).endswith("virtio-mem-device-early")
    virtio = next(one for one in state if one.idstr.endswith("/virtio-mem"))
    assert all(isinstance(value, bytes) for value in virtio.fields.values())


@pytest.mark.parametrize(
    ("name", "capabilities"),
    [("pc", "mapped-ram"), ("ignore-shared", ["x-ignore-shared", "mapped-ram"])],
)
def test_configuration(fixtures: Fixtures, name: str, capabilities: str | list[str]) -> None:
    with opened(fixtures[name]) as snapshot:
        configuration = vmstate.decode(snapshot)["configuration"]
    assert configuration.fields == {"len": 14, "name": b"pc-i440fx-10.0"}
    assert configuration["configuration/capabilities.capabilities"] == capabilities
    assert configuration.section_id is None


def test_uuid(fixtures: Fixtures) -> None:
    with opened(fixtures["uuid"]) as snapshot:
        configuration = vmstate.decode(snapshot).configuration
        assert configuration
        assert snapshot.stream.configuration
        assert snapshot.stream.configuration.uuid is not None
        found = configuration["configuration/uuid.uuid.data"]
        assert found == list(snapshot.stream.configuration.uuid)


@pytest.mark.parametrize("name", ["no-vmdesc", "no-configuration", "no-footers-no-vmdesc"])
def test_files_without_a_description(fixtures: Fixtures, name: str) -> None:
    with opened(fixtures[name]) as snapshot:
        state = vmstate.decode(snapshot)
        assert state.problem == "the file has no JSON description of its devices"
        for device in state:
            check_leaves(device)
            for value in device.fields.values():
                data = snapshot.source.read(device.offset, device.length)
                assert value == Undecoded(data, state.problem)
        assert (state.configuration is None) == (name == "no-configuration")


def test_new_values_in_a_rebuilt_file(fixtures: Fixtures, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with opened(fixtures["pc"]) as snapshot, copy.open("w+b") as stream:
        patch = vmstate.Patch(vmstate.decode(snapshot))
        patch["cpu", 0, "env.eip"] = 0x1234
        patch["cpu", 0, "env.regs[3]"] = 1
        patch["cpu", 0, "env.regs[3]"] = 0xFEEDFACE
        patch["mc146818rtc", 0, "cmos_data"] = "5a" * 128
        with pytest.raises(BuildError):
            patch["cpu", 0, "env.hflags"] = 1 << 32
        with pytest.raises(BuildError):
            patch["cpu", 1, "env.eip"] = 0
        assert len(patch.changes) == 3
        rebuild(snapshot, stream.fileno())
        patch.apply(stream.fileno())
        assert os.fstat(stream.fileno()).st_size == snapshot.source.size
        with mappedram.open(copy) as changed:
            before, after = vmstate.decode(snapshot), vmstate.decode(changed)
    assert after["cpu"]["env.eip"] == 0x1234
    assert after["cpu"]["env.regs[3]"] == 0xFEEDFACE
    assert after["mc146818rtc"]["cmos_data"] == b"\x5a" * 128
    different = {
        path
        for one, other in zip(before, after, strict=True)
        for (path, old), (_, new) in zip(one.leaves(), other.leaves(), strict=True)
        if old != new
    }
    assert different == {"env.eip", "env.regs[3]", "cmos_data"}


def test_changes_outside_of_the_file_write_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(b"abcd")
    with copy.open("r+b") as stream:
        for outside in ({0: b"x", 3: b"yz"}, {0: b"x", -1: b"y"}):
            with pytest.raises(BuildError, match="outside of the file"):
                vmstate.apply(outside, stream.fileno())
        assert copy.read_bytes() == b"abcd"
        vmstate.apply({3: b"y", 0: b"x"}, stream.fileno())
    assert copy.read_bytes() == b"xbcy"
