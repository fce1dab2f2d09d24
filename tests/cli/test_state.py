"""`mappedram state`: every field of every device, for programs and for people."""

import os
import re
from pathlib import Path

import pytest

import mappedram
from mappedram.stream.vmstate import Array, Leaf, Node, Struct, Undecoded, Value, to_json
from mappedram.view.device import scalar, tree, value_line
from tests.cli.conftest import Run, on
from tests.conftest import Fixtures
from tests.files import copy_sparse
from tests.stream.libvirt.samples import Samples
from tests.stream.vmstate.real import DESCRIBED

DEVICE_KEYS = [
    "idstr",
    "instance_id",
    "section_id",
    "version_id",
    "offset",
    "length",
    "fields",
    "subsections",
]


@pytest.mark.parametrize("name", ["pc", "q35", "aarch64-virt", "riscv64-virt", "uuid"])
def test_json_has_all_of_it(name: str, fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures[name]
    outcome = run(*on("state", fixture, "--output", "json"))
    document = outcome.json
    assert outcome.status == 0
    assert list(document) == ["file", "configuration", "devices", "problem"]
    assert document["problem"] is None
    with mappedram.open(fixture.path, fixture.offset) as snapshot:
        for shown, device in zip(document["devices"], snapshot.state, strict=True):
            assert list(shown) == DEVICE_KEYS
            assert shown["fields"] == to_json(device.fields)
            assert shown["subsections"] == to_json({**device.subsections})
    assert document["devices"][0]["idstr"] == "timer"
    argv = fixture.manifest["argv"]
    machine = argv[argv.index("-machine") + 1].partition(",")[0]
    assert bytes.fromhex(document["configuration"]["fields"]["name"]).decode() == machine


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_file_can_be_shown(name: str, fixtures: Fixtures, run: Run) -> None:
    outcome = run(*on("state", fixtures[name]))
    assert outcome.status == 0
    assert outcome.err == ""
    assert max(map(len, outcome.out.splitlines())) < 200
    assert outcome.out.count("\n") < 5000


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["cpu"], ["cpu/0"]),
        (["cpu/0"], ["cpu/0"]),
        (["dma"], ["dma/0", "dma/1"]),
        (["dma/1"], ["dma/1"]),
        (["*piix4_pm"], ["0000:00:01.3/piix4_pm/0"]),
        (["i82??/1", "port92"], ["i8259/1", "port92/0"]),
        (["cpu*"], ["cpu_common/0", "cpu/0"]),
        (["configuration"], ["configuration/0"]),
    ],
)
def test_devices_are_chosen_by_name(
    globs: list[str], expected: list[str], fixtures: Fixtures, run: Run
) -> None:
    args = [part for glob in globs for part in ("--device", glob)]
    shown = run(*on("state", fixtures["pc"], *args))
    assert shown.status == 0
    assert re.findall(r"^(\S+)  ", shown.out, re.MULTILINE) == expected
    document = run(*on("state", fixtures["pc"], *args, "--output", "json")).json
    listed = [*filter(None, [document["configuration"]]), *document["devices"]]
    assert [f"{one['idstr']}/{one['instance_id']}" for one in listed] == expected


@pytest.mark.parametrize("glob", ["nonsense", "cpu/1", "[c]pu", "CPU"])
def test_no_device_of_that_name(glob: str, fixtures: Fixtures, run: Run) -> None:
    outcome = run(*on("state", fixtures["pc"], "--device", glob))
    assert outcome.status == 64
    assert outcome.out == ""
    assert f"no device {glob!r}; there is configuration, timer," in outcome.err
    assert "i8254" in outcome.err


@pytest.mark.parametrize("form", ["human", "json"])
def test_a_file_without_descriptions(form: str, fixtures: Fixtures, run: Run) -> None:
    outcome = run(*on("state", fixtures["no-vmdesc"], "--output", form))
    assert outcome.status == 1
    assert "the file has no JSON description of its devices" in outcome.err
    if form == "human":
        assert outcome.out.count("  (rest)  undecoded: ") == 31
    else:
        assert outcome.json["problem"]
        assert all(set(one["fields"]) == {"(rest)"} for one in outcome.json["devices"])


def test_a_file_that_is_cut_off(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    copy = copy_sparse(fixtures["pc"].path, tmp_path / "cut")
    os.truncate(copy, 0x1603000)
    outcome = run("state", copy)
    assert outcome.status == 1
    assert "cpu/0  version 12  " in outcome.out


def test_a_cpu_for_a_person(fixtures: Fixtures, run: Run) -> None:
    lines = run(*on("state", fixtures["pc"], "--device", "cpu")).out.splitlines()
    assert re.fullmatch(r"cpu/0  version 12  0x[0-9a-f]+ to 0x[0-9a-f]+, 1851 bytes", lines[0])
    text = "\n".join(lines)
    assert re.search(r"^  env\.eip +0xfff0 \(65520\)$", text, re.MULTILINE)
    assert re.search(
        r"^    \[1\]  selector=0xf000 base=0xffff0000 limit=0xffff flags=0x9b00$",
        text,
        re.MULTILINE,
    )
    assert "  subsection cpu/poll_control_msr, version 1" in lines
    assert len(lines) < 100


SCALARS: dict[str, Value] = {
    "0": 0,
    "9": 9,
    "0xa (10)": 10,
    "-1": -1,
    "true": True,
    "false": False,
    "null pointer": None,
    '"a\\x1b"': "a\x1b",
    "00": b"\0",
    "00 01": b"\0\1",
    "40 zero bytes": bytes(40),
    '"prelaunch" and 3 zero bytes': b"prelaunch\0\0\0",
    "ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff … 64 bytes": b"\xff" * 64,
    "undecoded: 61 (why\\n)": Undecoded(b"a", "why\n"),
    "undecoded (too long)": Undecoded(b"", "too long"),
}


@pytest.mark.parametrize("text", SCALARS)
def test_single_values(text: str) -> None:
    value = SCALARS[text]
    assert not isinstance(value, (list, dict))
    assert scalar(value) == text


def test_values_on_one_line() -> None:
    assert value_line({"a": [1, 16], "b": b"\0\1"}) == "{a=[1, 0x10 (16)], b=00 01}"
    assert value_line([255] * 1000).endswith(", …")
    assert len(value_line([255] * 1000)) < 100


def struct(**fields: Node) -> Struct:
    return Struct("struct", 0, 1, "", 1, fields)


def array(*items: Node) -> Array:
    return Array("x", 0, 1, items)


def numbers(*values: int) -> Array:
    return array(*(Leaf("uint8", 0, 1, value) for value in values))


TREES: list[tuple[Struct, list[str]]] = [
    (struct(a=numbers()), ["a[0]  no elements"]),
    (struct(a=numbers(1, 2, 16)), ["a[3]  1 2 0x10"]),
    (struct(a=numbers(*[0] * 1000)), ["a[1000]  all 0"]),
    (struct(a=numbers(*range(10))), ["a[10]", "  [0]  0 1 2 3 4 5 6 7", "  [8]  8 9"]),
    (
        struct(a=numbers(*[0] * 100, 1)),
        ["a[101]", "  [0]   0 0 0 0 0 0 0 0", "  … 11 more rows like this", "  [96]  0 0 0 0 1"],
    ),
    (
        struct(a=array(*(struct(x=numbers(n)) for n in (1, 1, 1, 1, 1, 2)))),
        ["a[6]", "  [0]", "    x[1]  1", "  … 4 more elements like this", "  [5]", "    x[1]  2"],
    ),
    (struct(a=struct(x=Leaf("bool", 0, 1, True), y=Leaf("b", 0, 1, b"\1"))), ["a  x=true y=01"]),
]  # fmt: skip


@pytest.mark.parametrize(("node", "lines"), TREES, ids=range(len(TREES)))
def test_trees(node: Struct, lines: list[str]) -> None:
    assert list(tree(node)) == lines


def test_long_arrays_are_cut() -> None:
    lines = list(tree(struct(a=numbers(*(n % 251 for n in range(100_000))))))
    assert len(lines) < 30
    assert lines[-1] == "  … 12476 more rows"


def test_a_save_image_of_libvirt(tmp_path: Path, run: Run) -> None:
    outcome = run("state", "--device", "cpu", Samples(tmp_path)["gzip"].path)
    assert outcome.status == 0
    assert "  env.eip  " in outcome.out


def test_help(run: Run) -> None:
    assert "--device GLOB" in run("state", "--help").out
