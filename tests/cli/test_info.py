"""`mappedram info` on what QEMU wrote, compared with how it was made."""

import re
from pathlib import Path

import pytest

from mappedram import open as open_snapshot
from tests.cli.conftest import Run, on, patched
from tests.conftest import UNFINISHED, Fixture, Fixtures, manifest

KEYS = {
    "file",
    "container",
    "libvirt",
    "qcow2",
    "stream_offset",
    "apparent_size",
    "allocated_size",
    "machine",
    "page_size",
    "target_page_bits",
    "uuid",
    "capabilities",
    "mapped_ram",
    "mapped_ram_guessed",
    "byteorder",
    "complete",
    "stopped",
    "unlisted_bytes",
    "blocks",
    "sections",
}
BLOCK_KEYS = [
    "idstr",
    "used_length",
    "page_size",
    "num_pages",
    "pages_present",
    "unknown_bytes",
    "unknown_reasons",
    "bitmap_offset",
    "bitmap_size",
    "pages_offset",
    "ignored",
    "memory",
]
SECTION_KEYS = [
    "type",
    "section_id",
    "idstr",
    "instance_id",
    "version_id",
    "offset",
    "length",
]
#: Not followed to the end, each for a reason of its own.
STATUS = {"no-footers-no-vmdesc": 63} | dict.fromkeys(UNFINISHED, 1)
#: The blocks whose bitmaps were never written, by file.
WITHOUT_BITMAPS = {
    "background-snapshot": {"pc.ram"},
    "killed": {"pc.ram"},
    "ignore-shared-failed": {"node1"},
}
#: Files that lack a part, by the part.
NO_CONFIGURATION = {"no-configuration", "devices-only"}
NO_RAM = {"devices-only"}
#: QEMU rounds the length of a block up to pages of the host.
HOST_PAGE = 4096


def machine_of(fixture: Fixture) -> str | None:
    if fixture.name in NO_CONFIGURATION:
        return None
    argv: list[str] = fixture.manifest["argv"]
    return argv[argv.index("-machine") + 1].partition(",")[0]


@pytest.mark.parametrize("name", manifest())
def test_json_says_what_the_manifest_does(name: str, fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures[name]
    outcome = run(*on("info", fixture, "--output", "json"))
    info = outcome.json

    assert outcome.status == STATUS.get(name, 0)
    assert set(info) == KEYS
    assert info["file"] == str(fixture.path)
    assert (info["container"], info["libvirt"]) == ("none", None)
    assert info["stream_offset"] == fixture.offset
    assert info["apparent_size"] == fixture.manifest["size"] == fixture.path.stat().st_size
    assert info["allocated_size"] == fixture.path.stat().st_blocks * 512
    assert info["machine"] == machine_of(fixture)
    announced = {"mapped-ram", "x-ignore-shared"} & set(fixture.manifest["capabilities"])
    assert set(info["capabilities"]) == (announced if name not in NO_CONFIGURATION else set())
    assert info["mapped_ram"] == ("mapped-ram" in fixture.manifest["capabilities"])
    assert info["mapped_ram_guessed"] == (name == "no-configuration")
    assert set(info["byteorder"]) == {"order", "evident"}
    assert all(list(section) == SECTION_KEYS for section in info["sections"])
    assert all(list(block) == BLOCK_KEYS for block in info["blocks"])


@pytest.mark.parametrize("name", sorted(set(manifest()) - NO_RAM))
def test_pages_are_those_that_were_filled(name: str, fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures[name]
    info = run(*on("info", fixture, "--output", "json")).json
    blocks = {block["idstr"]: block for block in info["blocks"]}

    for fill in fixture.manifest["fill"]:
        block = blocks[fill["block"]]
        filled = sum(stop - start for start, stop in fill["runs"])
        assert block["used_length"] == -(-fill["size"] // HOST_PAGE) * HOST_PAGE
        assert block["page_size"] == fill["page_size"] == info["page_size"]
        assert block["num_pages"] == block["used_length"] // fill["page_size"]
        if fill["block"] in WITHOUT_BITMAPS.get(name, ()):
            assert block["pages_present"] == 0
        else:
            assert filled <= block["pages_present"] <= block["num_pages"]
        if name in {"pc", "many-runs", "arm-1k", "numa2", "multifd3"}:
            assert block["pages_present"] == filled
        if name == "zero-page-none":
            assert block["pages_present"] == block["num_pages"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pc", True),
        ("killed", False),
        ("background-snapshot", False),
        ("no-footers-no-vmdesc", None),
        ("plain", True),
    ],
)
def test_complete(name: str, expected: bool | None, fixtures: Fixtures, run: Run) -> None:
    assert run(*on("info", fixtures[name], "--output", "json")).json["complete"] is expected


def test_sections_of_json(fixtures: Fixtures, run: Run) -> None:
    info = run(*on("info", fixtures["pc"], "--output", "json")).json
    start, part, command, end = info["sections"][:4]
    assert start["idstr"] == part["idstr"] == end["idstr"] == "ram"
    assert (start["type"], start["version_id"], start["offset"]) == ("start", 4, 0x4A)
    assert (part["type"], part["version_id"]) == ("part", None)
    assert (command["type"], command["section_id"]) == ("command", None)
    assert end["type"] == "end"
    assert [section["type"] for section in info["sections"][-2:]] == ["eof", "vmdescription"]
    last = info["sections"][-1]
    assert last["offset"] + last["length"] == info["apparent_size"]


def test_extra_values(fixtures: Fixtures, run: Run) -> None:
    uuid = run(*on("info", fixtures["uuid"], "--output", "json")).json["uuid"]
    assert uuid == "6d617070-6564-4261-8172-616d66696c65"
    virt = run(*on("info", fixtures["aarch64-virt"], "--output", "json")).json
    assert virt["target_page_bits"] == 12
    stopped = run(*on("info", fixtures["killed"], "--output", "json")).json["stopped"]
    assert set(stopped) == {"message", "offset", "path"}
    assert stopped["offset"] == 0x160102C


@pytest.mark.parametrize("name", ["pc", "devices-only", "killed", "ignore-shared"])
def test_drivers_say_the_same(name: str, fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures[name]
    construct, kaitai = (
        run(*on("info", fixture, "--output", "json", "--driver", driver))
        for driver in ("construct", "kaitai")
    )
    assert construct == kaitai


def test_a_driver_says_where_its_declaration_ends(fixtures: Fixtures, run: Run) -> None:
    """The pages of a plain stream are not in the `.ksy`; the blocks before them are."""
    construct, kaitai = (
        run(*on("info", fixtures["plain"], "--output", "json", "--driver", driver))
        for driver in ("construct", "kaitai")
    )
    assert construct.status == 0
    assert kaitai.status != 0
    assert "the Kaitai declaration does not cover the pages" in kaitai.err
    names = [block["idstr"] for block in construct.json["blocks"]]
    assert [block["idstr"] for block in kaitai.json["blocks"]] == names


def test_json_never_folds(fixtures: Fixtures, run: Run) -> None:
    info = run(*on("info", fixtures["dirty-bitmaps"], "--output", "json")).json
    assert sum(section["type"] == "part" for section in info["sections"]) > 3000


# For a person.


def test_human(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["pc"]
    outcome = run(*on("info", fixture))
    lines = outcome.out.splitlines()
    assert outcome.status == 0
    assert outcome.err == ""
    assert f"file          {fixture.path}" in lines
    assert "machine       pc-i440fx-10.0" in lines
    assert "page size     4 KiB" in lines
    assert "capabilities  mapped-ram" in lines
    assert "byte order    little-endian bitmaps (known from a small bitmap)" in lines
    assert "complete      yes" in lines
    row = next(line.split() for line in lines if line.startswith("pc.ram"))
    assert row == ["pc.ram", "16", "MiB", "77", "4096", "0", "1.9", "%", "0x8e", "0x100000"]
    assert any(line.split()[:3] == ["COMMAND", "-", "SWITCHOVER_START"] for line in lines if line)
    assert "\x1b" not in outcome.out


def test_human_folds_what_repeats(fixtures: Fixtures, run: Run) -> None:
    out = run(*on("info", fixtures["live"])).out
    assert out.count("PART  ") == 1
    assert re.search(r"^… \d+ more PART ram …$", out, re.MULTILINE)
    out = run(*on("info", fixtures["dirty-bitmaps"])).out
    assert " more PART ram, PART dirty-bitmap …" in out
    assert len(out.splitlines()) < 80


def test_human_says_what_is_guessed(fixtures: Fixtures, run: Run) -> None:
    assert "guessed from the first block" in run(*on("info", fixtures["no-configuration"])).out
    assert "guessed: the file has no small bitmap" in run(*on("info", fixtures["none"])).out


@pytest.mark.parametrize(
    ("name", "complete", "error"),
    [
        ("killed", "no - parsing stopped at 0x160102c", "the file ends where a section"),
        ("no-footers-no-vmdesc", "unknown - parsing stopped at", "neither the JSON"),
        ("background-snapshot", "no - RAM has no END section", ""),
    ],
)
def test_human_says_where_reading_stopped(
    name: str, complete: str, error: str, fixtures: Fixtures, run: Run
) -> None:
    outcome = run(*on("info", fixtures[name]))
    assert f"complete      {complete}" in outcome.out
    assert "pc.ram" in outcome.out
    assert "START" in outcome.out
    assert error in outcome.err
    assert len(outcome.err.splitlines()) == bool(error)


# Files that somebody has changed.


def test_a_bitmap_outside_the_file_is_unknown(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path = patched(
        fixtures["pc"], tmp_path, "/ram/blocks[0]/mapped_ram/bitmap_offset", b"\x7f" + bytes(7)
    )
    outcome = run("info", "--output", "json", path)
    block = outcome.json["blocks"][0]
    assert outcome.status == 0
    assert block["pages_present"] is None
    assert block["bitmap_offset"] == 0x7F << 56
    assert outcome.json["blocks"][1]["pages_present"] == 2
    assert "  -  4096  " in run("info", path).out


@pytest.mark.parametrize("page_size", [0, 1, 3, 1 << 7, 1 << 17, (1 << 64) - 1])
def test_an_absurd_page_size_is_no_failure(
    page_size: int, fixtures: Fixtures, tmp_path: Path, run: Run
) -> None:
    field = "/ram/blocks[0]/mapped_ram/page_size"
    path = patched(fixtures["pc"], tmp_path, field, page_size.to_bytes(8, "big"))
    outcome = run("info", "--output", "json", path)
    assert outcome.status == 0
    assert outcome.json["blocks"][0]["page_size"] == page_size
    assert outcome.json["blocks"][0]["pages_present"] is None
    assert run("info", path).status == 0


def test_a_block_without_data(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    fixture = fixtures["pc"]
    with open_snapshot(fixture.path) as snapshot:
        # The last block: what follows its header must be where the stream goes on.
        block = snapshot.blocks[-1].model
        stream_on = fixture.path.read_bytes()[block.next_offset :]
    path = tmp_path / "ignored.mapped-ram"
    head = fixture.path.read_bytes()[: block.header_end - 16]
    path.write_bytes(head + bytes(16) + stream_on)
    outcome = run("info", "--output", "json", path)
    last = outcome.json["blocks"][-1]
    assert outcome.status == 0
    assert (last["ignored"], last["pages_present"]) == (True, None)
    assert (last["bitmap_offset"], last["pages_offset"]) == (None, None)
    assert "ignored" in run("info", path).out


def test_names_do_not_reach_the_terminal_raw(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    evil = b"\x1b]0;\x07"
    path = patched(fixtures["pc"], tmp_path, "/ram/blocks[0]/idstr", evil[:6].ljust(6, b"\x9b"))
    path = path.rename(tmp_path / "guest\x1b[31m\nname")
    for verb in (["info"], ["layout"], ["layout", "--hex"], ["check"]):
        outcome = run(*verb, path)
        shown = (outcome.out + outcome.err).replace("\n", "")
        assert shown.isprintable(), verb
    assert run("info", "--output", "json", path).json["blocks"][0]["idstr"].startswith("\x1b]0;")


def test_other_files_are_not_changed(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["pc"]
    before = fixture.path.stat()
    for verb in ("info", "layout", "check"):
        run(*on(verb, fixture))
    after = fixture.path.stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
