"""The pages on Python are run, statement by statement, and print what they say."""

import doctest
import re
from pathlib import Path

import pytest

from tests.conftest import DiskImages, Fixtures
from tools.docs.site import DOCS, TITLES

PAGE = DOCS / "python.md"
PAGES = (PAGE, DOCS / "for-python-users.md")


def results(text: str) -> doctest.TestResults:
    """What comes of the statements in a page, run where this process is."""
    blocks = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(blocks, {}, "python.md", str(PAGE), 0)
    return doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)


@pytest.fixture
def folder(
    fixtures: Fixtures,
    disk_images: DiskImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The snapshots of the page, in a folder that is empty otherwise."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "disk.qcow2").symlink_to(disk_images["savevm-mapped-ram"])
    (tmp_path / "guest.mapped-ram").symlink_to(fixtures["pc"].path)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("path", "least"), list(zip(PAGES, (30, 10), strict=True)), ids=["all", "role"]
)
def test_a_page_prints_what_it_says(path: Path, least: int) -> None:
    failed, tried = results(path.read_text(encoding="utf-8"))
    assert failed == 0
    assert tried > least


@pytest.mark.usefixtures("folder")
def test_a_wrong_line_would_be_seen() -> None:
    text = PAGE.read_text(encoding="utf-8").replace("b'hello'", "b'hullo'")
    assert results(text).failed == 1


@pytest.mark.parametrize("path", PAGES, ids=["all", "role"])
def test_all_code_of_a_page_is_run(path: Path) -> None:
    fences = re.findall(r"^```(\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences) == {"pycon"}
    assert path.stem in TITLES
