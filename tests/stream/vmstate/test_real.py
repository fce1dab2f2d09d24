"""Device state in files of a real QEMU: every byte is covered, and some values are known."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mappedram
from mappedram import BuildError
from mappedram.export.mapped_ram import OutputLayout, lay_out
from mappedram.export.stream import to_stream
from mappedram.format.constants import SectionType
from mappedram.io.overlay import Changes
from mappedram.stream import vmstate
from mappedram.stream.rebuild import rebuild
from mappedram.stream.vmstate import Undecoded
from mappedram.stream.vmstate.tree import Array
from tests.conftest import Fixture, Fixtures
from tests.stream.vmstate.real import DESCRIBED
from tests.stream.vmstate.synthetic import check_leaves


def opened(fixture: Fixture) -> mappedram.Snapshot:
    return mappedram.open(fixture.path, fixture.offset, partial=True)


def lay_out_anew(snapshot: mappedram.Snapshot, fd: int) -> None:
    lay_out(snapshot, fd, OutputLayout(align=4096))


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
            for path, leaf in list(device.leaves()):
                if not leaf.framing and leaf.length:
                    device[path] = vmstate.to_json(leaf.value)
        assert len(snapshot.changes) > 0
        for offset, data in snapshot.changes:
            assert data == snapshot.source.read(offset, len(data))


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
    # Century, year, month and day of 2024-01-01, in the format of a PC's clock.
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


def test_array_without_any_index(fixtures: Fixtures) -> None:
    """QEMU 11 gives elements with separate descriptions only the same name."""
    seen = {}
    for name in ("pc", "pc-11"):
        with opened(fixtures[name]) as snapshot:
            text = snapshot.stream.vmdescription
            assert text is not None
            indexed = b'"index": ' in snapshot.source.read(text.offset, text.length)
            channels = snapshot.state["0000:00:01.1/ide"]["bmdma"]
            slots = snapshot.state["0000:00:01.3/piix4_pm"][
                "acpi_pci_hotplug.acpi_pcihp_pci_status"
            ]
        assert isinstance(channels, list)
        assert isinstance(slots, list)
        seen[name] = (indexed, len(channels), len(slots))
    assert seen == {"pc": (True, 2, 256), "pc-11": (False, 2, 256)}


@pytest.mark.parametrize("name", ["s390x", "s390x-11"])
def test_array_with_null_pointers(fixtures: Fixtures, name: str) -> None:
    """10.0 and 11.1 describe such an array differently."""
    with opened(fixtures[name]) as snapshot:
        css = vmstate.decode(snapshot)["s390_css"]["css"]
    assert isinstance(css, list)
    assert len(css) == 256
    assert [index for index, one in enumerate(css) if one is not None] == [254]


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
        cpu = snapshot.state["cpu", 0]
        cpu["env.eip"] = 0x1234
        assert cpu["env.eip"] == 0x1234
        cpu["env.regs[3]"] = 1
        cpu["env.regs[3]"] = 0xFEEDFACE
        snapshot.state["mc146818rtc"]["cmos_data"] = "5a" * 128
        with pytest.raises(BuildError):
            cpu["env.hflags"] = 1 << 32
        with pytest.raises(BuildError):
            cpu["env.segs"] = 0
        with pytest.raises(KeyError):
            cpu["env.nothing"] = 0
        with pytest.raises(KeyError):
            snapshot.state["cpu", 1]["env.eip"] = 0
        assert len(snapshot.changes) == 3
        rebuild(snapshot, stream.fileno())
        assert os.fstat(stream.fileno()).st_size == snapshot.source.size
    with opened(fixtures["pc"]) as snapshot, mappedram.open(copy) as changed:
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


@pytest.mark.parametrize("convert", [lay_out_anew, to_stream], ids=["mapped-ram", "stream"])
def test_new_values_in_a_converted_file(
    fixtures: Fixtures, tmp_path: Path, convert: Callable[[mappedram.Snapshot, int], object]
) -> None:
    copy = tmp_path / "copy"
    with opened(fixtures["pc"]) as snapshot, copy.open("w+b") as stream:
        snapshot.state["cpu"]["env.eip"] = 0x1234
        convert(snapshot, stream.fileno())
    with mappedram.open(copy) as changed:
        assert changed.state["cpu"]["env.eip"] == 0x1234
        assert changed.state["cpu"]["env.segs[1].selector"] == 0xF000


@given(
    st.binary(max_size=30),
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(0, 5), st.binary(min_size=1, max_size=10))),
)
def test_changes_are_seen_wherever_they_lie(
    data: bytes, offset: int, places: list[tuple[int, bytes]]
) -> None:
    """As in a whole file with the changes written into it; the places are ten bytes apart."""
    changes, file = Changes(), bytearray(bytes(offset) + data).ljust(80, b"\0")
    for place, new in places:
        changes.put(10 * place, new.ljust(10, b"."))
        file[10 * place : 10 * place + 10] = new.ljust(10, b".")
    assert changes.over(data, offset) == file[offset : offset + len(data)]
