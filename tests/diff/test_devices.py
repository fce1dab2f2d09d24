"""Devices: each differing field by its name, and bytes if there are no names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.diff import Comparison, FieldDifference
from mappedram.diff.nodes import compare_nodes
from mappedram.stream.model import Section
from mappedram.stream.rebuild import rebuild
from mappedram.stream.vmstate import Array, Leaf, Node, Struct, Undecoded
from tests.conftest import Fixtures
from tests.diff.test_compare import compared
from tests.files import copy_sparse, patch
from tests.qemu.test_fresh import BY_NAME, binary
from tools.qemu import Machine


def edited(path: Path, target: Path, changes: dict[tuple[str, int, str], object]) -> Path:
    """A copy with other values in some fields."""
    with mappedram.open(path) as snapshot, target.open("w+b") as stream:
        for (idstr, instance_id, field), value in changes.items():
            snapshot.state[idstr, instance_id][field] = value
        rebuild(snapshot, stream.fileno())
    return target


def changes(found: tuple[FieldDifference, ...]) -> dict[tuple[str, int, str], tuple[Any, Any]]:
    assert all(field.side == "both" for field in found)
    return {(field.idstr, field.instance_id, field.path): (field.a, field.b) for field in found}


def section(path: Path, idstr: str, instance_id: int = 0) -> Section:
    with mappedram.open(path) as snapshot:
        return next(
            one for one in snapshot.sections if (one.idstr, one.instance_id) == (idstr, instance_id)
        )


CHANGES: dict[tuple[str, int, str], tuple[object, object]] = {
    ("cpu", 0, "env.eip"): (0xFFF0, 0x7C00),
    ("cpu", 0, "env.segs[1].selector"): (0xF000, 0x1234),
    ("cpu", 0, "cpu/poll_control_msr.env.poll_control_msr"): (0, 1),
    ("dma", 1, "command"): (0, 5),
    ("globalstate", 0, "runstate"): (b"prelaunch".ljust(32, b"\0"), b"paused".ljust(32, b"\0")),
}


def test_each_changed_field_is_found_by_its_name(fixtures: Fixtures, tmp_path: Path) -> None:
    pc = fixtures["pc"].path
    with mappedram.open(pc) as snapshot:
        expected = {
            place: (snapshot.state[place[:2]][place[2]], new) for place, (_, new) in CHANGES.items()
        }
    copy = edited(pc, tmp_path / "copy", {place: new for place, (_, new) in CHANGES.items()})
    found = compared(pc, copy)
    assert changes(found.fields) == expected
    assert not found.same
    assert all(not block.count() for block in found.pages)


def test_a_device_that_is_not_described(fixtures: Fixtures, tmp_path: Path) -> None:
    """Without the JSON text, the bytes are compared."""
    path = fixtures["no-vmdesc"].path
    clock = section(path, "mc146818rtc")
    copy = copy_sparse(path, tmp_path / "copy")
    patch(copy, clock.payload_offset + 0x30, b"\xaa\xbb")
    (field,) = compared(path, copy).fields
    assert (field.idstr, field.path) == ("mc146818rtc", "(payload)")
    assert isinstance(field.b, bytes)
    assert field.b.startswith(b"\xaa\xbb")
    assert field.note == "from byte 0x30 on; not decoded"


def test_a_version(fixtures: Fixtures, tmp_path: Path) -> None:
    path = fixtures["pc"].path
    cpu = section(path, "cpu")
    copy = patch(copy_sparse(path, tmp_path / "copy"), cpu.payload_offset - 4, b"\0\0\0\x0d")
    assert changes(compared(path, copy).fields) == {("cpu", 0, "(version_id)"): (12, 13)}


def test_the_name_of_a_section(fixtures: Fixtures, tmp_path: Path) -> None:
    path = fixtures["pc"].path
    start = section(path, "hpet").offset + 6
    copy = patch(copy_sparse(path, tmp_path / "copy"), start, b"hpot")
    found = compared(path, copy)
    names = {(one.section.idstr, one.side) for one in found.sections}
    assert names == {("hpet", "a"), ("hpot", "b")}
    assert found.fields == ()


def test_live_devices(fixtures: Fixtures, tmp_path: Path) -> None:
    """Empty rounds do not count, all other records do."""
    path = fixtures["dirty-bitmaps"].path
    start = section(path, "dirty-bitmap")
    copy = copy_sparse(path, tmp_path / "copy")
    data = path.read_bytes()[start.payload_offset : start.payload_end]
    patch(copy, start.payload_end - 1, bytes([data[-1] ^ 1]))
    (field,) = compared(path, copy).fields
    assert (field.idstr, field.path) == ("dirty-bitmap", "(payload length)")
    assert field.note
    assert "live device" in field.note


def leaf(value: Any, kind: str = "uint8") -> Leaf:
    return Leaf(kind, 0, 1, value)


def struct(fields: dict[str, Node], subsections: dict[str, Struct] | None = None) -> Struct:
    return Struct("struct", 0, 1, "", 1, fields, subsections or {})


def version(number: int, **fields: Node) -> Struct:
    header = Leaf("subsection header", 0, 1, number, framing=True)
    return Struct("subsection", 0, 1, "", number, fields, {}, (header,))


def array(*values: int) -> Array:
    return Array("uint8", 0, 1, tuple(map(leaf, values)))


NODES: list[tuple[Struct, Struct, list[tuple[Any, ...]]]] = [
    (struct({"x": leaf(1)}), struct({"x": leaf(1)}), []),
    (struct({"x": leaf(1)}), struct({"x": leaf(2)}), [("x", 1, 2, "both")]),
    (struct({"x": leaf(1)}), struct({}), [("x", 1, None, "a")]),
    (struct({}), struct({"x": leaf(None)}), [("x", None, None, "b")]),
    (struct({"x": array(1, 2)}), struct({"x": array(1)}), [("x[1]", 2, None, "a")]),
    (struct({"x": array(1)}), struct({"x": leaf(1)}), [("x", [1], 1, "both")]),
    (
        struct({}, {"s": version(1, y=leaf(1))}),
        struct({}, {"s": version(2, y=leaf(3))}),
        [("s.(version)", 1, 2, "both"), ("s.y", 1, 3, "both")],
    ),
    (struct({}), struct({}, {"s": version(1, y=leaf(1))}), [("s", None, {"y": 1}, "b")]),
    (
        struct({"x": leaf(Undecoded(b"1", "one reason"))}),
        struct({"x": leaf(Undecoded(b"1", "another"))}),
        [],
    ),
]


@pytest.mark.parametrize(("a", "b", "expected"), NODES, ids=range(len(NODES)))
def test_trees(a: Struct, b: Struct, expected: list[tuple[Any, ...]]) -> None:
    assert list(compare_nodes(a, b)) == expected


def test_descriptions_that_name_fields_otherwise(fixtures: Fixtures, tmp_path: Path) -> None:
    """Equal bytes are equal state, whatever the names of the fields."""
    path = fixtures["pc"].path
    copy = rewritten(path, tmp_path / "copy", lambda text: text.replace("env.eip", "env.xyz"))
    assert compared(path, copy).same


def rewritten(path: Path, target: Path, change: Callable[[str], str]) -> Path:
    """A copy with another JSON text of the same length."""
    with mappedram.open(path) as snapshot:
        text = snapshot.stream.vmdescription
        assert text
        data = snapshot.source.read(text.offset, text.length)
        changed = change(data.decode()).encode()
        assert json.loads(changed)
        assert len(changed) == len(data)
        return patch(copy_sparse(path, target), text.offset, changed)


@pytest.mark.qemu
def test_one_register_through_qemu(tmp_path: Path) -> None:
    """A register set in a saved file, which QEMU loads and saves again."""
    fixture = BY_NAME["pc"]
    saved, again = tmp_path / "saved", tmp_path / "again"
    emulator = binary(fixture.arch)
    with Machine(emulator, fixture.prepare(tmp_path)) as machine:
        machine.save(saved)
    one = edited(saved, tmp_path / "edited", {("cpu", 0, "env.regs[0]"): 0xCAFEF00D})
    expected = {("cpu", 0, "env.regs[0]"): (0, 0xCAFEF00D)}
    assert changes(compared(saved, one).fields) == expected
    with Machine(emulator, fixture.prepare(tmp_path, blank=True), incoming=True) as machine:
        machine.load(one)
        machine.save(again)
    found = compared(saved, again)
    assert changes(found.fields) == expected
    assert found == Comparison((), (), found.pages, (), found.fields, ())
    assert not any(block.count() for block in found.pages)
