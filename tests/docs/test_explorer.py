"""The explorer in a real browser agrees with the command line."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mappedram.view.text import size
from tests.cli.conftest import Run, patched
from tests.conftest import Fixtures
from tests.files import copy_sparse, patch
from tests.html.browser import CHROMIUM, Browser
from tests.stream.libvirt.samples import Samples
from tools.docs import explorer
from tools.docs.site import ROOT
from tools.generate.ksc import ToolMissingError
from tools.oracle import OracleBlock, OracleFile

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: run tools/install")

GIB = 1 << 30
READ = """new Promise((done, fail) => {
    const started = Date.now();
    const wait = () => globalThis.mappedramResult ? done(globalThis.mappedramResult)
        : Date.now() - started > 30000 ? fail("no answer") : setTimeout(wait, 20);
    wait();
})"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("explorer")
    try:
        text = explorer.page(ROOT / "build" / "docs" / "cache")
    except ToolMissingError as error:
        pytest.skip(str(error))
    (folder / "explorer.html").write_text(text, encoding="utf-8")
    with Browser.started(folder / "profile") as browser:
        browser.open((folder / "explorer.html").as_uri())
        yield browser


Explore = Callable[..., Any]


@pytest.fixture
def explore(browser: Browser) -> Iterator[Explore]:
    """Give a file to the page, and return its data. The page must not report an error."""

    def explore(path: Path, offset: int = 0) -> Any:
        browser.run(
            "globalThis.mappedramResult = undefined; document.querySelector('#file').value = ''"
        )
        browser.run(f"document.querySelector('#offset').value = '{offset}'")
        browser.choose_file("#file", path)
        return browser.run(READ)

    browser.complaints.clear()
    yield explore
    assert browser.complaints == []


def agrees(result: Any, info: Any, layout: Any) -> None:
    """Compare the page with the command line in the parts that both show."""
    for key in ("machine", "capabilities", "page_size", "target_page_bits", "uuid", "complete"):
        assert result[key] == info[key], key
    assert {"order": result["order"], "evident": result["evident"]} == info["byteorder"]
    assert result["stopped"] is info["stopped"] is None
    assert (result["size"], result["offset"]) == (info["apparent_size"], info["stream_offset"])
    keys = ("idstr", "used_length", "num_pages", "bitmap_offset", "pages_offset")
    assert [[block[key] for key in keys] for block in result["blocks"]] == [
        [block[key] for key in keys] for block in info["blocks"]
    ]
    assert [block["present"] for block in result["blocks"]] == [
        block["pages_present"] for block in info["blocks"]
    ]
    known = ("type", "section_id", "idstr", "instance_id", "version_id", "offset", "length")
    for ours, theirs in zip(result["sections"], info["sections"], strict=True):
        inherited = {"version_id"} if ours["type"] in ("part", "end") else set()
        for key in set(known) - inherited:
            assert ours[key] == theirs[key], (ours, key)
    regions = [(r["name"], r["offset"], r["end"], r["path"]) for r in result["regions"]]
    assert regions == [
        (r["name"], r["offset"], r["offset"] + r["length"], r["path"]) for r in layout["regions"]
    ]
    for ours, theirs in zip(result["regions"], layout["regions"], strict=True):
        assert [(f["name"], f["offset"], f["doc"]) for f in ours.get("fields", [])] == [
            (f["name"], f["offset"], f["doc"]) for f in theirs["fields"]
        ]
        for field, known in zip(ours.get("fields", []), theirs["fields"], strict=True):
            value = field["value"]
            is_bytes = isinstance(value, str) and known["value"] != value
            assert (value.replace(" ", "") if is_bytes else value) == known["value"]


@pytest.mark.parametrize(
    "name", ["pc", "uuid", "aarch64-virt", "riscv64-virt", "q35", "numa2", "ignore-shared", "pc-11"]
)
def test_real_files(name: str, fixtures: Fixtures, run: Run, explore: Explore) -> None:
    path = fixtures[name].path
    result = explore(path)
    arguments = (path, "--output", "json")
    agrees(result, run("info", *arguments).json, run("layout", *arguments).json)
    assert not [f for f in result["findings"] if f["code"] in ("MR001", "MR002", "MR004")]


def test_a_stream_in_the_middle_of_a_file(fixtures: Fixtures, run: Run, explore: Explore) -> None:
    fixture = fixtures["offset-unaligned"]
    arguments = (fixture.path, "--offset", fixture.offset, "--output", "json")
    result = explore(fixture.path, fixture.offset)
    agrees(result, run("info", *arguments).json, run("layout", *arguments).json)


def test_a_save_image_of_libvirt(samples: Samples, run: Run, explore: Explore) -> None:
    path = samples["sparse"].path
    info = run("info", path, "--output", "json").json
    result = explore(path)
    assert result["offset"] == info["stream_offset"]
    for ours, theirs in zip(result["blocks"], info["blocks"], strict=True):
        for key in ("idstr", "used_length", "bitmap_offset", "pages_offset"):
            assert ours[key] == theirs[key]
        assert ours["present"] == theirs["pages_present"]
    assert [(s["type"], s["offset"], s["length"]) for s in result["sections"]] == [
        (s["type"], s["offset"], s["length"]) for s in info["sections"]
    ]
    (limit,) = explore(samples["xz"].path)["limits"]
    assert "compressed with xz" in limit["message"]


def test_a_file_beyond_4_gib(tmp_path: Path, run: Run, explore: Explore) -> None:
    path = tmp_path / "large"
    blocks = [
        OracleBlock("pc.ram", 6 * GIB, [(0, 3), (1_400_000, 1_400_100)], b"\1"),
        OracleBlock("other", 1 << 20, [(5, 6)], b"\2"),
    ]
    with path.open("w+b") as stream:
        OracleFile(blocks).write(stream.fileno())
    result = explore(path)
    arguments = (path, "--output", "json")
    agrees(result, run("info", *arguments).json, run("layout", *arguments).json)
    assert result["read"] < 4 << 20, "headers and bitmaps, and no pages"


def test_what_is_on_the_page(fixtures: Fixtures, explore: Explore, browser: Browser) -> None:
    explore(fixtures["pc"].path)
    text = browser.run("document.querySelector('#result').innerText")
    for words in ("pc-i440fx-10.0", "little-endian", "pc.ram", "/rom@etc/acpi/tables", "0x1300000"):
        assert words in text
    cells = (
        "[...document.querySelectorAll('.blocks tbody tr:first-child td')].map(c => c.textContent)"
    )
    assert browser.run(cells) == ["16 MiB", "4 KiB", "77", "4096", "0", "1.9 %", "0x8e", "0x100000"]
    browser.run("document.querySelector('#bar svg').focus()")
    browser.press("ArrowRight")
    assert browser.run("document.querySelector('#bar svg').getAttribute('aria-valuetext')") == (
        "configuration: 0x8 to 0x1b, 19 B"
    )


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("page_size", 8192, "MR205"),
        ("page_size", 0, "MR204"),
        ("pages_offset", 0x100800, "MR201"),
        ("bitmap_offset", 1 << 40, "MR402"),
        ("bitmap_offset", 0, "MR208"),
        ("bitmap_offset", 0x5B, "MR401"),
    ],
)
def test_broken_files(
    field: str,
    value: int,
    code: str,
    fixtures: Fixtures,
    tmp_path: Path,
    run: Run,
    explore: Explore,
) -> None:
    place = f"/ram/blocks[0]/mapped_ram/{field}"
    path = patched(fixtures["pc"], tmp_path, place, value.to_bytes(8, "big"))
    (report,) = run("check", "--output", "json", path).json
    assert code in {finding["code"] for finding in report["findings"]}
    found = {finding["code"] for finding in explore(path)["findings"]}
    assert code in found
    assert found <= {finding["code"] for finding in report["findings"]}


def test_a_file_that_is_cut_off(fixtures: Fixtures, explore: Explore, browser: Browser) -> None:
    result = explore(fixtures["killed"].path)
    assert result["findings"][0]["code"] == "MR002"
    assert len(result["blocks"]) == 6
    place = browser.run("document.querySelector('#f0 .path a').getAttribute('href')")
    assert place == f"#r{len(result['regions']) - 1}"


def test_an_offset_beyond_what_a_browser_counts(
    fixtures: Fixtures, tmp_path: Path, explore: Explore
) -> None:
    place = "/ram/blocks[0]/mapped_ram/pages_offset"
    path = patched(fixtures["pc"], tmp_path, place, (1 << 60).to_bytes(8, "big"))
    result = explore(path)
    (limit,) = result["limits"]
    assert "2^53" in limit["message"]
    assert result["regions"][-1]["name"] == "not followed"


@given(
    changes=st.lists(
        st.tuples(st.booleans(), st.integers(0, 4095), st.binary(min_size=1, max_size=8)),
        min_size=1,
        max_size=3,
    )
)
@example(changes=[(False, 79, b"\0\0\1")])  # a number of more than 53 bits in MEM_SIZE
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files(
    changes: list[tuple[bool, int, bytes]], fixtures: Fixtures, tmp_path: Path, explore: Explore
) -> None:
    source = fixtures["none"].path
    path = copy_sparse(source, tmp_path / "damaged")
    size = source.stat().st_size
    for at_end, place, data in changes:
        offset = size - 1 - place if at_end else place % 256
        patch(path, offset, data[: size - offset])
    result = explore(path)
    assert "error" not in result
    position = 0
    for region in result["regions"]:
        assert region["offset"] == position < region["end"]
        position = region["end"]
    assert position == size


def test_a_file_that_is_dropped(fixtures: Fixtures, explore: Explore, browser: Browser) -> None:
    chosen = explore(fixtures["none"].path)
    browser.run("globalThis.mappedramResult = undefined")
    browser.drop_file("main", fixtures["none"].path)
    assert browser.run(READ) == chosen


def test_another_file(tmp_path: Path, explore: Explore, browser: Browser) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>"
    path.write_bytes(b"not a snapshot" * 50)
    result = explore(path)
    assert [f["code"] for f in result["findings"]] == ["MR004"]
    assert browser.run("document.querySelectorAll('img').length") == 0
    text = browser.run("document.querySelector('#result').innerText")
    assert "it begins with b'not ', not with b'QEVM'" in text
    for word in ("Save finished", "Machine", "RAM blocks"):
        assert word not in text, "nothing is known of them"
    assert "mappedram check '<img src=x onerror=alert(1)>'" in browser.run(
        "document.querySelector('.unchecked').textContent"
    )


@pytest.mark.parametrize("data", [b"", b"6 byte", b"not a snapshot\n" * 6000])
def test_no_more_is_read_than_there_is(
    data: bytes, tmp_path: Path, explore: Explore, browser: Browser
) -> None:
    path = tmp_path / "short"
    path.write_bytes(data)
    assert explore(path)["read"] <= len(data)
    state = browser.run("document.querySelector('#state').textContent")
    assert state.startswith(f"Read {size(len(data))} of {size(len(data))}.")


def test_a_stream_that_is_compressed(
    fixtures: Fixtures, tmp_path: Path, run: Run, explore: Explore, browser: Browser
) -> None:
    fixture = fixtures["pc"]
    path = tmp_path / "pc.gz"
    path.write_bytes(gzip.compress(fixture.path.read_bytes(), 1))
    result = explore(path)
    arguments = (fixture.path, "--output", "json")
    agrees(result, run("info", *arguments).json, run("layout", *arguments).json)
    packed = size(path.stat().st_size)
    text = browser.run("document.querySelector('.facts').innerText")
    assert f"gzip, {packed}" in text
    assert "decompressed" in text
    state = browser.run("document.querySelector('#state').textContent")
    assert state.startswith(f"Read {packed} of {packed}.")


def test_it_proposes_where_the_stream_begins(
    fixtures: Fixtures, run: Run, explore: Explore, browser: Browser
) -> None:
    fixture = fixtures["offset-unaligned"]
    result = explore(fixture.path)
    assert result["elsewhere"] == fixture.offset
    browser.run("globalThis.mappedramResult = undefined")
    button = (
        "[...document.querySelectorAll('#result button')].find(b => /^Open at/.test(b.textContent))"
    )
    assert browser.run(f"{button}.textContent") == f"Open at {fixture.offset:#x}"
    browser.run(f"{button}.click()")
    arguments = (fixture.path, "--offset", fixture.offset, "--output", "json")
    agrees(browser.run(READ), run("info", *arguments).json, run("layout", *arguments).json)
    assert browser.run("document.querySelector('#offset').value") == f"{fixture.offset:#x}"
    browser.run("globalThis.mappedramResult = undefined")
    browser.choose_file("#file", fixtures["none"].path)
    assert browser.run(READ)["begun"], "the offset was that of the other file"


def test_the_sample_is_the_file_of_a_real_qemu(
    fixtures: Fixtures, explore: Explore, browser: Browser
) -> None:
    chosen = explore(fixtures["pc"].path)
    browser.run("globalThis.mappedramResult = undefined")
    browser.run("document.querySelector('#sample').click()")
    assert browser.run(READ) == chosen
    browser.run("globalThis.mappedramResult = undefined")
    browser.run("document.querySelector('#cut-sample').click()")
    (finding,) = browser.run(READ)["findings"]
    assert (finding["code"], finding["offset"]) == ("MR002", 0x86)
    assert "What to do: If the file is a copy, copy it again." in browser.run(
        "document.querySelector('#f0').innerText"
    )


def test_small_regions_and_rows_that_open(
    fixtures: Fixtures, explore: Explore, browser: Browser
) -> None:
    result = explore(fixtures["pc"].path)
    assert browser.run("document.querySelectorAll('#strip > a').length") == len(result["regions"])
    browser.run("document.querySelector('#strip > a:last-child').click()")
    assert browser.run(
        "document.querySelector('#bar svg').getAttribute('aria-valuetext')"
    ).startswith("vmdescription text")
    marker = "getComputedStyle(document.querySelector('.listing summary'), '::before').content"
    assert "\u25b8" in browser.run(marker)


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_a_phone(
    fixtures: Fixtures, explore: Explore, browser: Browser, dark: bool
) -> None:
    explore(fixtures["killed"].path)
    browser.look_like(390, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    browser.look_like(1280)
