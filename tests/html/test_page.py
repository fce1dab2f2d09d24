"""`mappedram layout --html`: everything that `layout` shows, on one self-contained page."""

import json
import os
import re
from base64 import b64encode
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.conftest import Run, on, patched
from tests.conftest import Fixtures
from tests.html.conftest import Files, MakePage
from tests.html.parsed import entries
from tools.oracle import OracleBlock, OracleFile

GIB = 1 << 30
#: Largest size of a page, for any file.
LIMIT = 2_000_000


def written(path: Path, file: OracleFile) -> Path:
    with path.open("w+b") as stream:
        file.write(stream.fileno())
    return path


# Self-contained pages.


@pytest.mark.parametrize("name", ["pc", "killed", "libvirt-sparse", "plain"])
def test_nothing_is_fetched(name: str, files: Files, page: MakePage) -> None:
    root = page(*files(name), status=1 if name == "killed" else 0)
    for node in root.walk():
        assert "src" not in node.attributes
        assert "style" not in node.attributes, "the policy refuses it"
        assert not [key for key in node.attributes if key.startswith("on")]
        if "href" in node.attributes:
            assert node["href"].startswith("#")
    (style,), (script,) = root.all("style"), root.all("script")
    assert "url(" not in style.text
    assert "@import" not in style.text
    (policy,) = (m["content"] for m in root.all("meta") if "http-equiv" in m.attributes)
    assert policy.startswith("default-src 'none';")
    for asset in (style, script):
        digest = b64encode(sha256(asset.text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


@pytest.mark.parametrize("name", ["pc", "uuid", "libvirt-sparse", "dirty-bitmaps", "s390x"])
def test_links_lead_somewhere(name: str, files: Files, page: MakePage) -> None:
    root = page(*files(name))
    ids = [node["id"] for node in root.walk() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    links = {node["href"] for node in root.all("a")}
    assert {link[1:] for link in links} <= set(ids)
    assert any(link.startswith("#c-") for link in links)


HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;'\n\x1b[31m\u00a0\x85"


def test_names_become_no_markup(tmp_path: Path, page: MakePage) -> None:
    blocks = [OracleBlock(HOSTILE, 1 << 20, [(0, 3)], b"\1"), OracleBlock(HOSTILE, 4096)]
    path = tmp_path / "<script>alert(2)<script>.mapped-ram"
    root = page(written(path, OracleFile(blocks, machine="<script>alert(3)</script>")), status=0)
    assert len(root.all("script")) == 1
    assert not root.all("img")
    assert "<script>alert(3)</script>" in root.all("dl", "facts")[0].text
    assert path.name in root.all("h1")[0].text
    names = [entry.all("span", "name")[0].text for entry in entries(root)]
    shown = HOSTILE.encode("latin-1").decode("latin-1")
    assert any("<script>alert(1)</script><img src=x onerror=alert(1)>&amp;'" in n for n in names)
    assert all(char not in root.text.replace("\n", "") for char in "\x1b\x85"), shown


# Contents.


@pytest.mark.parametrize(
    "name", ["pc", "offset-unaligned", "libvirt-sparse", "libvirt-gzip", "no-configuration"]
)
def test_it_has_all_regions_and_fields_of_the_layout(
    name: str, files: Files, run: Run, page: MakePage
) -> None:
    layout = run("layout", *files(name), "--output", "json").json
    shown = entries(page(*files(name)))
    assert [
        (int(entry["data-o"]), int(entry["data-e"]), entry.all("span", "name")[0].text)
        for entry in shown
    ] == [(r["offset"], r["offset"] + r["length"], r["name"]) for r in layout["regions"]]
    for entry, region in zip(shown, layout["regions"], strict=True):
        rows = [row for body in entry.all("tbody") for row in body.all("tr")]
        assert [row.all("th")[0].text for row in rows] == [f["name"] for f in region["fields"]]
        for row, field in zip(rows, region["fields"], strict=True):
            offset, data, _, meaning, _ = (cell.text for cell in row.all("td"))
            assert int(offset, 16) == field["offset"]
            assert len(bytes.fromhex(data.partition(" …")[0])) == min(field["length"], 64)
            assert meaning
            assert row.all("td")[3].text == field["doc"].replace("`", "")
            assert row.all("a"), "a clause"


@pytest.mark.parametrize("name", ["pc", "many-runs", "background-snapshot", "aarch64-virt"])
def test_density_adds_up(name: str, fixtures: Fixtures, run: Run, page: MakePage) -> None:
    arguments = on("info", fixtures[name])
    info = run(*arguments, "--output", "json").json
    root = page(*arguments[1:])
    figures = root.all("figure", "density")
    stored = [block for block in info["blocks"] if block["bitmap_offset"] is not None]
    assert len(figures) == len(stored)
    for figure, block in zip(figures, stored, strict=True):
        (drawing,) = figure.all("svg")
        runs = [run.split("*") for run in drawing["data-counts"].split()]
        counts = [int(run[0]) for run in runs for _ in range(int(run[1]) if run[1:] else 1)]
        assert sum(counts) == block["pages_present"]
        assert int(drawing["data-pages"]) == block["num_pages"]
        assert sum(path["d"].count("M") for path in drawing.all("path")) == len(counts)


def test_findings_stand_at_their_places(
    fixtures: Fixtures,
    tmp_path: Path,
    run: Run,
    page: MakePage,
) -> None:
    field = "/ram/blocks[0]/mapped_ram/page_size"
    path = patched(fixtures["pc"], tmp_path, field, (8192).to_bytes(8, "big"))
    (report,) = run("check", "--output", "json", path).json
    root = page(path)
    items = root.all("li", "finding")
    assert len(items) == len(report["findings"]) > 0
    for item, finding in zip(items, report["findings"], strict=True):
        assert finding["message"] in item.text
        remedy = finding["remedy"].replace("`", "")
        assert item.all("p", "remedy")[0].text == f"What to do: {remedy}"
        link = next(a["href"] for a in item.all("a") if a["href"].startswith("#r"))
        entry = root.by_id(link[1:])
        assert int(entry["data-o"]) <= finding["offset"] < int(entry["data-e"])
        assert finding["message"] in entry.text
        assert "open" in entry.attributes
    (row,) = (
        row for row in root.all("tr", "error") if row.all("th")[0].text == "mapped_ram/page_size"
    )
    assert "8 KiB" in row.text
    assert root.all("h1")[0].all("span")[0].text == report["verdict"]


def test_what_is_missing_at_the_end_stands_with_the_last_region(
    fixtures: Fixtures, page: MakePage
) -> None:
    root = page(fixtures["killed"].path, status=1)
    (item,) = (item for item in root.all("li", "finding") if "MR002" in item.text)
    assert next(a["href"] for a in item.all("a")) == f"#{entries(root)[-1]['id']}"
    (mark,) = (mark for mark in entries(root)[-1].all("p", "finding"))
    assert int(mark["data-at"]) == fixtures["killed"].path.stat().st_size


def test_devices(fixtures: Fixtures, run: Run, page: MakePage) -> None:
    state = run(*on("state", fixtures["pc"], "--output", "json")).json
    trees = page(fixtures["pc"].path).by_id("devices").all("details")
    known = [state["configuration"], *state["devices"]]
    assert [tree.all("span", "name")[0].text for tree in trees] == [
        f"{device['idstr']}/{device['instance_id']}" for device in known
    ]
    cpu = next(tree for tree in trees if tree.all("span", "name")[0].text == "cpu/0")
    assert re.search(r"env\.eip +0x", cpu.text)


# Bounds.


def test_a_huge_snapshot_makes_a_small_page(tmp_path: Path, page: MakePage) -> None:
    pages = 64 * GIB // 4096
    runs = [(start, start + 40) for start in range(0, pages, pages // 100_000)]
    assert len(runs) >= 100_000
    path = written(tmp_path / "huge", OracleFile([OracleBlock("pc.ram", 64 * GIB, runs)]))
    root = page(path)
    assert (tmp_path / "page.html").stat().st_size <= LIMIT
    assert f"{40 * len(runs)} of {pages} pages" in root.by_id("b0").all("svg")[0]["aria-label"]


def test_many_of_everything_make_a_small_page(tmp_path: Path, page: MakePage) -> None:
    names = [f"{number:05}{'<' * 200}" for number in range(1500)]
    blocks = [OracleBlock(name, 4096, [(0, 1)]) for name in names]
    file = OracleFile(blocks, align=4096, parts=3_000, vmdescription=False)
    root = page(written(tmp_path / "many", file))
    assert (tmp_path / "page.html").stat().st_size <= 2 * LIMIT  # each < takes four bytes
    shown = entries(root)
    assert shown[-1].attributes["data-e"] == str((tmp_path / "many").stat().st_size)
    assert all(here["data-e"] == there["data-o"] for here, there in pairwise(shown))


# Files that cannot be followed, and options.


@pytest.mark.parametrize(("name", "status"), [("killed", 1), ("no-footers-no-vmdesc", 63)])
def test_a_file_that_is_not_followed_has_a_page(
    name: str,
    status: int,
    fixtures: Fixtures,
    page: MakePage,
) -> None:
    fixture = fixtures[name]
    root = page(fixture.path, status=status)
    shown = entries(root)
    assert shown[-1]["data-e"] == str(fixture.path.stat().st_size)
    assert "Reading stopped" in root.all("dl", "facts")[0].text


def test_no_page_of_another_file(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "other"
    path.write_bytes(b"not a snapshot" * 99)
    assert run("layout", "--html", tmp_path / "page.html", path).status == 63
    assert os.listdir(tmp_path) == ["other"]


def test_a_file_that_is_there_is_kept(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "page.html"
    out.write_text("mine")
    outcome = run("layout", "--html", out, fixtures["pc"].path)
    assert outcome.status == 1
    assert "already exists" in outcome.err
    assert out.read_text() == "mine"


@pytest.mark.parametrize("options", [["--hex"], ["--region", "x"], ["--output", "json"]])
def test_options_that_exclude_each_other(
    options: list[str], fixtures: Fixtures, tmp_path: Path, run: Run
) -> None:
    outcome = run("layout", "--html", tmp_path / "x", *options, fixtures["pc"].path)
    assert outcome.status == 64
    assert json.dumps(os.listdir(tmp_path)) == "[]"
