"""All readers treat device state that a metadump left out as unknown, never as zero."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mappedram
from mappedram.diff import compare
from mappedram.diff.nodes import NodeDifference, NodeUnknown, compare_nodes
from mappedram.errors import UnsupportedError
from mappedram.export.metadump import Options, Policy
from mappedram.export.metadump.policy import StateChoice
from mappedram.guest.cpu.notes import cpu_notes
from mappedram.guest.physical import physical_map
from mappedram.guest.restore import hint
from mappedram.io.metadump import Packed
from mappedram.io.spans import without
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.vmstate import DeviceState, LeftOut, Value, to_json
from mappedram.stream.writer import BlockSpec, Envelope
from tests.cli.conftest import Run
from tests.conftest import Fixtures, manifest
from tests.export.metadump.making import metadump

#: Policies that each keep a part of the state.
POLICIES = [
    Policy(),
    Policy.of("none", keep=["cpu:env.eip", "*:*config*", "*:*size*"]),
    Policy.of("all", blank=["cpu:env.regs*", "*:*[1]*", "configuration:*"]),
]
#: Files with a bare stream.
BARE = sorted(name for name, entry in manifest().items() if not name.startswith("libvirt"))


@contextmanager
def opened(path: Path, policy: Policy | None = None, offset: int = 0) -> Iterator[OpenSnapshot]:
    """The metadump of a file."""
    options = Options(policy or Policy())
    with (
        metadump(path, offset, options) as fd,
        mappedram.open(fd, offset, partial=True) as snapshot,
    ):
        yield snapshot


def devices(snapshot: OpenSnapshot) -> list[DeviceState]:
    """All devices, and the configuration."""
    state = snapshot.state
    return [*([state.configuration] if state.configuration else []), *state]


def values(snapshot: OpenSnapshot) -> list[tuple[str, int, str, int, int, Value]]:
    """Every leaf: device, path, offset and value."""
    return [
        (device.idstr, device.instance_id, path, leaf.offset, leaf.length, leaf.value)
        for device in devices(snapshot)
        for path, leaf in device.leaves()
    ]


def held_to_the_source(found: OpenSnapshot, original: OpenSnapshot) -> tuple[int, int]:
    """Compare every field with the source; return the numbers of known and unknown fields."""
    known = unknown = 0
    pairs = zip(values(found), values(original), strict=True)
    for (*place, value), (*expected, original_value) in pairs:
        assert place == expected
        if isinstance(value, LeftOut):
            unknown += 1
        else:
            assert value == original_value, place
            known += 1
    return known, unknown


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        *((name, POLICIES[0]) for name in BARE),
        *((name, policy) for name in ("pc", "aarch64-virt", "plain") for policy in POLICIES[1:]),
    ],
)
def test_every_field_is_left_out_or_that_of_the_source(
    fixtures: Fixtures, name: str, policy: Policy
) -> None:
    path, offset = fixtures[name].path, fixtures[name].offset
    with (
        mappedram.open(path, offset, partial=True) as original,
        opened(path, policy, offset) as found,
    ):
        held_to_the_source(found, original)


def test_both_kinds_are_there(fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    for policy in POLICIES:
        with mappedram.open(path) as original, opened(path, policy) as found:
            assert min(held_to_the_source(found, original)) > 20


@settings(max_examples=8)
@given(data=st.data())
def test_any_pattern(fixtures: Fixtures, data: st.DataObject) -> None:
    path = fixtures[data.draw(st.sampled_from(["pc", "aarch64-virt", "live"]))].path
    with mappedram.open(path) as original:
        places = [(one[0], one[2]) for one in values(original) if ":" not in one[0] + one[2]]
        names = st.sampled_from(places).map(":".join)
        few = st.lists(names, max_size=5)
        choices: tuple[StateChoice, ...] = ("none", "default", "all")
        state = data.draw(st.sampled_from(choices))
        policy = Policy.of(state, data.draw(few), data.draw(few))
        with opened(path, policy) as found:
            held_to_the_source(found, original)


def test_a_zero_that_was_kept_is_a_zero(fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with opened(path, Policy.of("none", keep=["cpu:env.regs[0]"])) as found:
        assert found.state["cpu"]["env.regs[0]"] == 0
        assert found.state["cpu"]["env.regs[1]"] == LeftOut()
        assert found.state["cpu"]["env.regs"] == [0, *[LeftOut()] * 15]


def test_no_truth_in_it() -> None:
    with pytest.raises(UnsupportedError, match="left out of the metadump"):
        bool(LeftOut())
    zero: Value = 0
    assert zero != LeftOut()


def test_a_value_that_is_set_is_known(fixtures: Fixtures) -> None:
    with opened(fixtures["pc"].path) as found:
        cpu = found.state["cpu"]
        assert cpu["env.eip"] == LeftOut()
        cpu["env.eip"] = 0x7C00
        assert [cpu["env.eip"], cpu["env.eflags"]] == [0x7C00, LeftOut()]


class _Torn(Packed):
    """A metadump that lacks further bytes, regardless of the borders of fields."""

    torn: Sequence[tuple[int, int]] = ()

    def left_out(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        return ((max(a, start), min(b, end)) for a, b in self.torn if a < end and b > start)


@pytest.mark.parametrize("part", [(0, 1), (3, 4), (7, 8), (0, 8), (-3, 1), (7, 20)])
def test_partly_left_out(fixtures: Fixtures, part: tuple[int, int]) -> None:
    with metadump(fixtures["pc"].path, options=Options(Policy("all"))) as fd:
        with mappedram.open(fd) as found:
            place = found.state["cpu"].find("env.eip").offset
        with mappedram.open(fd) as found:
            torn = _Torn(partial(os.pread, fd), os.fstat(fd).st_size)
            torn.torn = [(place + part[0], place + part[1])]
            found.source.packed = torn
            unknown = [one for one in values(found) if isinstance(one[-1], LeftOut)]
            assert {one[2] for one in unknown} >= {"env.eip"}
            for *_, offset, length, _ in unknown:
                assert offset < place + part[1]
                assert offset + length > place + part[0]


def test_a_metadump_of_a_metadump_knows_no_more(fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with (
        metadump(path) as fd,
        metadump(fd, options=Options(Policy("all"))) as second,
        mappedram.open(path) as original,
        mappedram.open(fd) as first,
        mappedram.open(second) as found,
    ):
        held_to_the_source(found, original)
        assert values(found) == values(first)


# Readers of device state.


def test_state(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    assert run("metadump", fixtures["pc"].path, out).status == 0
    text = run("state", "--device", "cpu", out).out
    assert "env.eip" in text
    (line,) = [line for line in text.splitlines() if line.split()[:1] == ["env.eip"]]
    assert line.split(maxsplit=1)[1] == "(left out)"
    assert "all (left out)" in text  # registers
    document = run("state", "--device", "cpu", "--output", "json", out).json
    fields = document["devices"][0]["fields"]
    assert fields["env.eip"] == {"value": None, "left_out": True}
    assert fields["env.regs"] == [{"value": None, "left_out": True}] * 16
    page = tmp_path / "page.html"
    assert run("layout", "--html", page, out).status == 0
    assert "(left out)" in page.read_text(encoding="utf-8")


def found_by(
    a: OpenSnapshot, b: OpenSnapshot
) -> tuple[set[tuple[str, str, str]], set[tuple[str, str]]]:
    """Fields that were not compared, with the side of the omission; and differing fields."""
    result = compare(a, b)
    assert result.same is not True
    return (
        {(one.idstr, one.path, one.left_out) for one in result.unknown},
        {(one.idstr, one.path) for one in result.fields},
    )


def test_diff(fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with mappedram.open(path) as original, opened(path) as found:
        unknown, differing = found_by(original, found)
        assert {("cpu", "env.eip", "b"), ("cpu", "env.regs", "b")} <= unknown
        assert not differing
        unknown, differing = found_by(found, original)
        assert ("cpu", "env.eip", "a") in unknown
        assert not differing
        unknown, differing = found_by(found, found)
        assert ("cpu", "env.eip", "both") in unknown
        assert not differing


def test_diff_of_what_was_kept(fixtures: Fixtures) -> None:
    """A differing field is shown beside unknown ones."""
    path = fixtures["pc"].path
    with mappedram.open(path) as original, opened(path) as found:
        original.state["cpu"]["env.mp_state"] = 1
        cpu = found.state["cpu"].root, original.state["cpu"].root
        result = list(compare_nodes(*cpu))
        assert [one.path for one in result if isinstance(one, NodeDifference)] == ["env.mp_state"]
        assert NodeUnknown("env.eip", "a") in result


def test_diff_where_nothing_is_described(fixtures: Fixtures) -> None:
    path = fixtures["no-footers-no-vmdesc"].path
    with (
        mappedram.open(path, partial=True) as original,
        opened(path) as found,
    ):
        result = compare(original, found)
        assert not result.fields
        assert all(one.path == "(payload)" for one in result.unknown)


def test_diff_on_the_command_line(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path, out = fixtures["pc"].path, tmp_path / "out"
    assert run("metadump", path, out).status == 0
    result = run("diff", path, out)
    assert result.status == 2
    assert "cpu/0: not compared, left out of B: " in result.out
    assert " -> " not in result.out
    assert " fields of 11 devices, left out by the metadump" in result.err
    document: dict[str, Any] = run("diff", "--output", "json", out, out).json
    entry = {"idstr": "cpu", "instance_id": 0, "path": "env.eip", "left_out_of": ["a", "b"]}
    assert entry in document["not_compared"]
    assert document["same"] is None
    assert document["stat"]["fields_not_compared"] == len(document["not_compared"])


def test_map(fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with mappedram.open(path) as original, opened(path) as found:
        assert not [doubt for doubt in physical_map(original).doubts if "left out" in doubt]
        doubts = physical_map(found).doubts
        assert any("the CMOS bytes" in doubt and "left out" in doubt for doubt in doubts)
        assert not any("do not add up" in doubt for doubt in doubts)
    with opened(path, Policy.of("default", keep=["mc146818rtc:*"])) as found:
        assert "CMOS bytes" in physical_map(found).ranges[0].basis


def test_map_without_the_chipset(fixtures: Fixtures) -> None:
    with opened(fixtures["pc"].path, Policy.of("all", blank=["*I440FX:*"])) as found:
        doubts = physical_map(found).doubts
    assert any("0xa0000" in doubt and "left out of the metadump" in doubt for doubt in doubts)


def test_registers(fixtures: Fixtures) -> None:
    for name, architecture in (("pc", "x86_64"), ("aarch64-virt", "aarch64")):
        with opened(fixtures[name].path) as found:
            notes = cpu_notes(found.stream, found.state)
        assert notes.architecture is not None
        assert notes.architecture.name == architecture
        assert not notes.notes
        assert any("left out of the metadump" in problem for problem in notes.problems)


def test_nothing_is_built_of_it(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """The RAM of all blocks is given, so that only device state is missing."""
    path, out, new = fixtures["pc"].path, tmp_path / "out", tmp_path / "new"
    given: list[str] = []
    with mappedram.open(path) as snapshot:
        for number, block in enumerate(snapshot.blocks):
            raw = tmp_path / f"{number}.raw"
            with raw.open("wb") as file:
                file.truncate(block.used_length)
            given += ["--set", f"{block.idstr}={raw}"]
    assert run("metadump", path, out).status == 0
    result = run("build", "--from", out, *given, new)
    assert result.status == 63
    assert "lacks device state or names" in result.err
    assert not new.exists()
    assert run("build", "--from", path, *given, new).status == 0
    assert run("metadump", "--state", "all", "--names", "--force", path, out).status == 0
    with mappedram.open(out) as found, mappedram.open(path) as original:
        assert Envelope.of(found) == Envelope.of(original)


def test_uuid(tmp_path: Path) -> None:
    secret = UUID("12345678-9abc-def0-1234-56789abcdef0")
    path = tmp_path / "uuid"
    with mappedram.create(
        path,
        machine="pc-i440fx-10.0",
        page_size=4096,
        blocks=[BlockSpec("pc.ram", 1 << 20)],
        uuid=secret.bytes,
    ) as writer:
        writer.finish()
    with mappedram.open(path) as original, opened(path) as found:
        assert original.stream.configuration is not None
        assert found.stream.configuration is not None
        assert original.stream.configuration.uuid == secret.bytes
        assert found.stream.configuration.uuid is None
        assert "-uuid" not in hint(found, "f").argv
        assert [one.topic for one in hint(found, "f").unknowns].count("uuid") == 1
        assert "uuid" not in [one.topic for one in hint(original, "f").unknowns]
        result = compare(original, found)
        assert not result.headers
        assert any("UUID" in reason for reason in result.trouble)


RANGES = st.lists(st.integers(0, 60), max_size=12, unique=True).map(sorted)


def pairs(numbers: list[int]) -> list[tuple[int, int]]:
    return list(zip(numbers[::2], numbers[1::2], strict=False))


@given(RANGES.map(pairs), RANGES.map(pairs))
def test_without(spans: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    def members(ranges: Sequence[tuple[int, int]]) -> list[int]:
        return [number for start, end in ranges for number in range(start, end)]

    found = list(without(spans, others))
    hidden = set(members(others))
    assert members(found) == [number for number in members(spans) if number not in hidden]
    assert all(start < end for start, end in found)


@settings(max_examples=10)
@given(data=st.data())
def test_left_out_in_any_window(fixtures: Fixtures, data: st.DataObject) -> None:
    """A byte is kept, left out or in a hole, whichever window it is read in."""
    policy = Policy.of("default", keep=["*:*[1]*"])
    with opened(fixtures["pc"].path, policy) as found:
        source = found.source
        (first, *_, last) = [one.offset for one in found.state]
        start = data.draw(st.integers(first, last))
        end = data.draw(st.integers(start, last))
        middle = data.draw(st.integers(start, end))

        def members(*windows: tuple[int, int]) -> set[int]:
            return {at for a, b in windows for c, d in source.left_out(a, b) for at in range(c, d)}

        assert members((start, end)) == members((start, middle), (middle, end))
        data_of = source.read(start, end - start)
        assert not any(data_of[at - start] for at in members((start, end)))


def test_json_of_it() -> None:
    assert to_json({"a": [LeftOut(), None]}) == {"a": [{"value": None, "left_out": True}, None]}
