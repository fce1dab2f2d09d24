"""The built site in a real browser: nothing is cut on a screen or a telephone; commands copy."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.html.browser import CHROMIUM, Browser
from tools.docs import site

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: run tools/install")

#: Parts of a page that are wider than the page; a transcript may scroll, a table must not.
WIDER = """(() => {
    const root = document.documentElement;
    const wide = (box) => box.scrollWidth > box.clientWidth + 1;
    const boxes = [...document.querySelectorAll("article .table-wrapper, article .drawing")];
    return [root, ...boxes].filter(wide).map((box) => `${box.className}: ${box.textContent}`);
})()"""
#: Codes that are not on one line.
BROKEN = """[...document.querySelectorAll("article a.code")]
    .filter((link) => link.getClientRects().length > 1).map((link) => link.textContent)"""
#: What the button of a block copies; it is made a moment after the page is loaded.
COPIED = """new Promise((done, fail) => {
    const started = Date.now();
    document.execCommand = () => done(document.activeElement.value);
    setTimeout(() => fail("nothing was copied"), 30000);
    const press = () => {
        const button = [...document.querySelectorAll("article div.highlight")]
            .find((block) => block.innerText.includes(%r))?.querySelector("button.copybtn");
        if (button && Number(getComputedStyle(button).opacity) > 0.3) button.click();
        else if (Date.now() - started > 20000) fail("no button that can be seen");
        else setTimeout(press, 50);
    };
    press();
})"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site without the explorer and the archives, which have tests of their own."""
    folder = tmp_path_factory.mktemp("site")
    site.stage(folder / "pages", "", {})
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html"]
    subprocess.run([*command, folder / "pages", folder / "html"], check=True)
    return folder / "html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser.started(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_its_page(width: int, built: Path, browser: Browser) -> None:
    browser.look_like(width)
    for name in ("index", *site.TITLES):
        browser.open((built / f"{name}.html").as_uri())
        assert browser.run(WIDER) == [], name
        assert browser.run(BROKEN) == [], name
    assert browser.complaints == []


def test_the_navigation_has_four_groups(built: Path, browser: Browser) -> None:
    browser.open((built / "index.html").as_uri())
    captions = (
        "[...document.querySelectorAll('.sidebar-tree .caption')].map((one) => one.innerText)"
    )
    assert [text.title() for text in browser.run(captions)] == list(site.GROUPS)


def test_options_keep_their_hyphens(built: Path) -> None:
    page = (built / "cli.html").read_text(encoding="utf-8")
    assert "--hex" in page
    assert not set("\u2013\u2014\u2018\u2019\u201c\u201d") & set(page), "smart quotes"


@pytest.mark.parametrize(
    ("page", "within", "copied"),
    [
        ("index", "check pc.mapped-ram", "mappedram check pc.mapped-ram"),
        (
            "recipes",
            "env.eip",
            "mappedram state --output json --device cpu pc.mapped-ram \\\n"
            "    | python3 -c 'import json, sys;"
            """ print(json.load(sys.stdin)["devices"][0]["fields"]["env.eip"])'""",
        ),
        ("python", 'block["pc.rma"]', 'snapshot.block["pc.rma"]\nsnapshot.close()'),
        ("installation", "tools/demo", "tools/demo"),
    ],
)
def test_a_button_copies_the_commands_alone(
    page: str, within: str, copied: str, built: Path, browser: Browser
) -> None:
    browser.look_like(390)
    browser.open((built / f"{page}.html").as_uri())
    assert browser.run(COPIED % within) == copied
