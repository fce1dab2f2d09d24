"""`mappedram layout`: every byte in one region, and every field in its place."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, on, patched
from tests.conftest import Fixtures, manifest
from tests.files import copy_sparse, patch

REGION_KEYS = ["offset", "length", "name", "path", "fields"]
FIELD_KEYS = ["name", "offset", "length", "value", "doc"]
STRUCTURES = re.compile(
    r"/(header|footer|eos|mem_size|(subsections|blocks|chunks|records)\[\d+\])$"
)


@pytest.mark.parametrize("name", manifest())
def test_regions_cover_every_byte(name: str, fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures[name]
    layout = run(*on("layout", fixture, "--output", "json")).json
    assert layout["file"] == str(fixture.path)
    assert layout["size"] == fixture.manifest["size"]
    position = 0
    for region in layout["regions"]:
        assert list(region) == REGION_KEYS
        assert region["offset"] == position
        assert region["length"] > 0
        assert region["name"]
        position += region["length"]
    assert position == layout["size"]


@pytest.mark.parametrize("name", ["pc", "uuid", "plain", "ignore-shared", "dirty-bitmaps"])
def test_fields_cover_every_structure(name: str, fixtures: Fixtures, run: Run) -> None:
    layout = run(*on("layout", fixtures[name], "--output", "json")).json
    for region in layout["regions"]:
        if not STRUCTURES.search(region["path"]):
            assert region["fields"] == []
            continue
        position = region["offset"]
        for field in region["fields"]:
            assert list(field) == FIELD_KEYS
            assert field["offset"] == position
            assert field["doc"]
            position += field["length"]
        assert position == region["offset"] + region["length"]


def test_values(fixtures: Fixtures, run: Run) -> None:
    layout = run(*on("layout", fixtures["uuid"], "--output", "json")).json
    values: dict[str, Any] = {
        f"{region['path']}/{field['name']}": field["value"]
        for region in layout["regions"]
        for field in region["fields"]
    }
    assert values["/header/magic"] == b"QEVM".hex()
    assert values["/configuration/subsections[1]/body/uuid"] == b"mappedBa\x81ramfile".hex()
    assert values["/configuration/subsections[0]/body/capabilities[0]/name"] == "mapped-ram"
    assert values["/ram/blocks[0]/idstr"] == "pc.ram"
    assert values["/ram/blocks[0]/mapped_ram/page_size"] == 4096


@pytest.mark.parametrize("options", [[], ["--hex"], ["--output", "json"]])
@pytest.mark.parametrize("name", ["pc", "ignore-shared", "aarch64-virt", "killed"])
def test_drivers_say_the_same(name: str, options: list[str], fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures[name]
    construct, kaitai = (
        run(*on("layout", fixture, *options, "--driver", driver))
        for driver in ("construct", "kaitai")
    )
    assert construct == kaitai


def test_gaps_are_named(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    before = run(*on("layout", fixtures["offset-unaligned"], "--output", "json")).json
    assert (before["regions"][0]["name"], before["regions"][0]["length"]) == (
        "before the stream",
        4665,
    )
    longer = copy_sparse(fixtures["pc"].path, tmp_path / "longer")
    patch(longer, fixtures["pc"].manifest["size"], b"more")
    after = run("layout", "--output", "json", longer).json["regions"][-1]
    assert (after["name"], after["length"]) == ("after the stream", 4)
    cut_off = fixtures["no-footers-no-vmdesc"]
    rest = run(*on("layout", cut_off, "--output", "json")).json["regions"][-1]
    assert rest["name"] == "not followed"


# For a person.


def test_table(fixtures: Fixtures, run: Run) -> None:
    outcome = run(*on("layout", fixtures["pc"]))
    header, *lines = outcome.out.splitlines()
    rows = [line.split() for line in lines]
    assert outcome.status == 0
    assert header.split() == ["offset", "end", "size", "name", "path"]
    assert rows[0] == ["0x0", "0x8", "8", "B", "stream", "header", "/header"]
    assert ["0x8e", "0x28e", "512", "B", "bitmap", "of", "pc.ram", "/ram/blocks[0]/bitmap"] in rows
    assert int(rows[-1][1], 16) == fixtures["pc"].manifest["size"]
    assert all(here[1] == there[0] for here, there in pairwise(rows))


def test_what_repeats_is_folded(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["dirty-bitmaps"]
    assert "more PART ram, PART dirty-bitmap …" in run(*on("layout", fixture, "--hex")).out
    out = run(*on("layout", fixture)).out
    match = re.search(
        r"^… (\d+) more PART ram, PART dirty-bitmap … (0x\w+) to (0x\w+)$", out, re.MULTILINE
    )
    assert match
    assert int(match[1]) > 3000
    assert f"{match[2]}  " in out.partition("…")[0], "goes on where the last line ended"
    assert f"\n{match[3]}  " in out.partition("…")[2]
    assert len(out.splitlines()) < 250


def test_hex_of_structures(fixtures: Fixtures, run: Run) -> None:
    out = run(*on("layout", fixtures["pc"], "--hex")).out
    blocks = dict(re.findall(r"^(\S.*?)  0x.*\n((?:  .*\n)+)", out, re.MULTILINE))

    magic, version = blocks["stream header"].splitlines()
    assert re.fullmatch(r'  0x00000000  51 45 56 4d +magic +"QEVM" +; The bytes .*', magic)
    assert re.fullmatch(r"  0x00000004  00 00 00 03 +version +3 +; .*", version)
    header = blocks["header of pc.ram"]
    assert re.search(
        r"00 00 00 00 01 00 00 00 +used_length +0x1000000 \(16 MiB\) +; Bytes of guest", header
    )
    assert re.search(r"mapped_ram/page_size +0x1000 \(4 KiB\) +; ", header)
    assert re.search(
        r"0x00000086  00 00 00 00 00 10 00 00 +mapped_ram/pages_offset +0x100000 ", header
    )
    assert "0x01 QEMU_VM_SECTION_START" in blocks["START ram"]
    assert "RAM_SAVE_FLAG_MEM_SIZE | 0x" in blocks["RAM_SAVE_FLAG_MEM_SIZE"]
    assert "11 MIG_CMD_SWITCHOVER_START" in blocks["COMMAND SWITCHOVER_START"]


def test_long_fields_go_on_below(fixtures: Fixtures, run: Run) -> None:
    out = run(*on("layout", fixtures["pc"], "--hex", "--region", "*capabilities")).out
    lines = out.splitlines()
    index = next(i for i, line in enumerate(lines) if " idstr " in line)
    assert lines[index].startswith("  0x0000001d  63 6f 6e 66 69 67")
    assert lines[index + 1] == "  0x0000002d  70 61 62 69 6c 69 74 69 65 73"


def test_hex_of_the_rest_is_short(fixtures: Fixtures, run: Run) -> None:
    bitmap = run(*on("layout", fixtures["pc"], "--hex", "--region", "bitmap of pc.ram")).out
    assert bitmap.splitlines()[1:4] == [
        "  0x0000008e  01 00 ff 00 00 00 00 80 03 00 00 00 00 00 00 00  |................|",
        "  0x0000009e  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|",
        "  … 480 more bytes",
    ]
    pages = run(*on("layout", fixtures["pc"], "--hex", "--region", "pages of pc.ram")).out
    assert "… 16777184 more bytes" in pages
    padding = run(*on("layout", fixtures["pc"], "--hex", "--region", "padding*pc.ram")).out
    assert padding.splitlines()[1] == "  zeros"


def test_padding_that_is_not_zero(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path = copy_sparse(fixtures["pc"].path, tmp_path / "stray")
    patch(path, 0x8012, b"stray")
    out = run("layout", "--hex", "--region", "padding*pc.ram", path).out
    assert out.splitlines()[1:] == [
        f"  {0x8010 - 0x28E} zero bytes, then",
        "  0x00008010  00 00 73 74 72 61 79 00 00 00 00 00 00 00 00 00  |..stray.........|",
        "  0x00008020  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|",
        f"  … {0x100000 - 0x8030} more bytes",
        "",
    ]


def test_overlapping_structures_are_shown(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """A page area in the middle of the stream: the stream keeps its bytes, and the sum is right."""
    path = patched(
        fixtures["pc"], tmp_path, "/ram/blocks[0]/mapped_ram/bitmap_offset", bytes(7) + b"\x30"
    )
    layout = run("layout", "--output", "json", path).json
    assert sum(region["length"] for region in layout["regions"]) == layout["size"]
    assert run("layout", "--hex", path).status == 0


# --region.


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["stream header"], ["stream header"]),
        (["/header"], ["stream header"]),
        (["bitmap of pc.?o*"], ["bitmap of pc.rom"]),
        (["/ram/blocks[1]"], ["header of /rom@etc/acpi/tables"]),
        (["/sections[2]/*", "/header"], ["stream header", "COMMAND SWITCHOVER_START"]),
    ],
)
def test_region(patterns: list[str], names: list[str], fixtures: Fixtures, run: Run) -> None:
    options = [part for pattern in patterns for part in ("--region", pattern)]
    layout = run(*on("layout", fixtures["pc"], "--output", "json", *options)).json
    assert [region["name"] for region in layout["regions"]] == names


def test_no_such_region(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["pc"]
    outcome = run(*on("layout", fixture, "--region", "nothing"))
    assert (outcome.status, outcome.out) == (64, "")
    assert outcome.err.startswith(
        "mappedram: layout: no region 'nothing'; there is stream header, "
    )


def test_one_of_two_names_is_unknown(fixtures: Fixtures, run: Run) -> None:
    """A typing error would hide what was asked for."""
    outcome = run(*on("layout", fixtures["pc"], "--region", "configuration", "--region", "x"))
    assert (outcome.status, outcome.out) == (64, "")
    assert "no region 'x'" in outcome.err


@pytest.mark.parametrize("out", ["-", "--hex"])
def test_a_page_is_not_called_like_an_option(
    out: str, fixtures: Fixtures, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(*on("layout", fixtures["pc"], f"--html={out}"))
    assert outcome.status == 64
    assert f"./{out} is a file of that name" in outcome.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [[], ["--hex"], ["--output", "json"]])
@pytest.mark.parametrize(("name", "status"), [("killed", 1), ("no-footers-no-vmdesc", 63)])
def test_status_of_a_file_that_is_not_followed(
    name: str, status: int, options: list[str], fixtures: Fixtures, run: Run
) -> None:
    outcome = run(*on("layout", fixtures[name], *options))
    assert outcome.status == status
    assert "stream header" in outcome.out
    assert len(outcome.err.splitlines()) == 1
