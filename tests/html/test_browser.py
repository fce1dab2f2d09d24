"""The page in a real browser: the script runs under its policy, and the keyboard suffices."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Fixtures
from tests.files import copy_sparse, patch
from tests.html.browser import CHROMIUM, Browser
from tests.html.conftest import Files, MakePage
from tools.oracle import OracleBlock, OracleFile

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: run tools/install")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser.started(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def opened(tmp_path: Path, files: Files, page: MakePage, browser: Browser) -> Iterator[Browser]:
    """The page of an ordinary snapshot; it must not report errors."""
    page(*files("pc"))
    browser.complaints.clear()
    browser.open((tmp_path / "page.html").as_uri())
    yield browser
    assert browser.complaints == []


def value(browser: Browser, selector: str) -> str:
    return str(browser.run(f"document.querySelector({selector!r}).getAttribute('aria-valuetext')"))


def test_the_bar_by_keys(opened: Browser) -> None:
    opened.run("document.querySelector('#bar svg').focus()")
    assert value(opened, "#bar svg").startswith("stream header: 0x0 to 0x8, 8 B")
    for _ in range(8):
        opened.press("ArrowRight")
    assert value(opened, "#bar svg") == "pages of pc.ram: 0x100000 to 0x1100000, 16 MiB"
    opened.press("End")
    assert value(opened, "#bar svg").startswith("vmdescription text")
    for _ in range(8):
        opened.press("+")
    first, _, last = opened.run(
        "[...document.querySelectorAll('#bar svg > text')].slice(-3).map(t => t.textContent)"
    )
    assert int(last, 16) - int(first, 16) == pytest.approx(23184804 / 256, abs=2)
    opened.press("Home")
    opened.press("f")
    texts = "[...document.querySelectorAll('#bar svg > text')].map(t => t.textContent)"
    assert "stream header" in opened.run(texts), "it has room for its name now"
    opened.press("0")
    assert opened.run(texts)[-3::2] == ["0x0", f"{23184804:#x}"]


def test_enter_shows_the_bytes(opened: Browser) -> None:
    opened.run("document.querySelector('.listing > details:last-child').open = false")
    opened.run("document.querySelector('#bar svg').focus()")
    opened.press("End")
    opened.press("Enter")
    assert opened.run("document.querySelector('.listing > details:last-child').open") is True
    assert opened.run("document.activeElement.textContent").startswith("0x1604275")


def test_the_bar_marks_a_finding_at_its_byte(
    fixtures: Fixtures, tmp_path: Path, page: MakePage, browser: Browser
) -> None:
    path = copy_sparse(fixtures["pc"].path, tmp_path / "stray")
    patch(path, 0x80000, b"stray")
    page(path)
    browser.look_like(1000)
    browser.open((tmp_path / "page.html").as_uri())
    place = "document.querySelector('#bar .mark').getAttribute('d')"
    width = browser.run("document.querySelector('#bar svg').clientWidth")
    tip = float(browser.run(place).removeprefix("M").partition(" ")[0]) + 6
    assert tip == pytest.approx(width * 0x80000 / path.stat().st_size, abs=1)
    assert browser.run("document.querySelector('#bar .mark').classList[1]") == "warning"


GIB = 1 << 30


@pytest.mark.parametrize("width", [390, 1280])
def test_small_regions_of_a_huge_file_are_visible(
    width: int, tmp_path: Path, page: MakePage, browser: Browser
) -> None:
    path = tmp_path / "huge"
    blocks = [
        OracleBlock("pc.ram", 5 * GIB, [(0, 3)], b"\1"),
        OracleBlock("small", 4096, [(0, 1)], b"\2"),
    ]
    with path.open("w+b") as stream:
        OracleFile(blocks).write(stream.fileno())
    page(path)
    browser.look_like(width)
    browser.open((tmp_path / "page.html").as_uri())
    boxes = browser.run(
        "[...document.querySelectorAll('#strip > a')].map(a => a.getBoundingClientRect())"
        ".map(({left, right, height}) => [left, right, height])"
    )
    assert len(boxes) == browser.run("document.querySelectorAll('.listing > details').length")
    for left, right, height in boxes:
        assert left >= 0 <= right <= width
        assert right - left >= 4 <= height
    titles = browser.run("[...document.querySelectorAll('#strip > a')].map(a => a.title)")
    assert titles[0] == "stream header: 0x0, 8 B"
    assert "pages of pc.ram: 0x100000, 5 GiB" in titles
    assert "pages of small: 0x140200000, 4 KiB" in titles


def test_a_cell_of_the_strip_shows_its_place_and_then_its_bytes(opened: Browser) -> None:
    cell = "document.querySelector('#strip > a[title^=\"padding before\"]')"
    opened.run(f"{cell}.click()")
    assert value(opened, "#bar svg").startswith("padding before the pages of pc.ram: 0x")
    assert opened.run(f"{cell}.classList.contains('chosen')") is True
    assert opened.run("location.hash") == ""
    opened.run(f"{cell}.click(); new Promise(done => setTimeout(done, 200))")
    shown = "document.querySelector(location.hash)"
    assert opened.run(f"{shown}.open") is True
    assert opened.run(f"{shown}.querySelector('.name').textContent").startswith("padding before")


def test_rows_show_that_they_open_and_open_by_keys(opened: Browser) -> None:
    for part in (".listing", "#devices"):
        row = f"document.querySelector({part!r}).querySelector('details:last-of-type')"
        marker = f"getComputedStyle({row}.querySelector('summary'), '::before')"
        assert "\u25b8" in opened.run(f"{marker}.content")
        assert opened.run(f"{marker}.display") not in ("none", "")
        opened.run(f"{row}.open = false; {row}.querySelector('summary').focus()")
        closed = opened.run(f"{marker}.rotate")
        opened.press("Enter")
        assert opened.run(f"{row}.open") is True
        assert opened.run(f"new Promise(done => setTimeout(() => done({marker}.rotate), 300))") != (
            closed
        )


def test_the_maps_by_keys(opened: Browser) -> None:
    opened.run("document.querySelector('#b0 svg').focus()")
    opened.press("Home")
    words = value(opened, "#b0 svg")
    assert words == "pages 0 to 1 (from 0x0, in the file from 0x100000): 1 of 2 in the file"
    opened.press("ArrowDown")
    opened.press("ArrowRight")
    assert value(opened, "#b0 svg").startswith("pages 130 to 131 (from 0x82000,")
    opened.press("End")
    assert value(opened, "#b0 svg").startswith("pages 4094 to 4095 ")
    assert opened.run("document.querySelector('#b0 output').textContent") == value(
        opened, "#b0 svg"
    )


def test_a_link_opens_what_it_leads_to(opened: Browser) -> None:
    assert opened.run("document.querySelector('#r20').open") is False
    opened.run("location.hash = '#r20'; new Promise(done => setTimeout(done, 200))")
    assert opened.run("document.querySelector('#r20').open") is True


def test_search(opened: Browser) -> None:
    opened.run("document.querySelector('input[type=search]').focus()")
    for key in "hpet":
        opened.press(key)
    shown = "[...document.querySelectorAll('.listing > details:not([hidden]) .name')]"
    names = opened.run(f"{shown}.map(name => name.textContent)")
    assert names == ["FULL hpet", "payload of FULL hpet", "footer of FULL hpet"]


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_a_phone(opened: Browser, dark: bool) -> None:
    opened.look_like(390, dark=dark)
    assert opened.run("document.documentElement.scrollWidth") <= 390
    back = opened.run("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in back[4:-1].split(","))
    assert (brightness < 200) is dark


def test_everything_that_can_be_used_has_a_name(opened: Browser) -> None:
    nameless = opened.run(
        "[...document.querySelectorAll('a, button, input, summary, [role], [tabindex]')]"
        ".filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.title))"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert nameless == []
