"""Wheel and sdist have the required files and no others; defects are found."""

import email
import re
import sys
from pathlib import Path

import pytest

import mappedram
from mappedram.format.specification import FILES
from tests.conftest import Fixtures
from tests.packaging.conftest import Built
from tools.docs.site import ROOT
from tools.package import contents
from tools.package.environment import Environment

Files = dict[str, bytes]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def checkout() -> Files:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout of git")
    return contents.files_of(ROOT)


@pytest.fixture(scope="session")
def wheel(built: Built) -> Files:
    return contents.of_wheel(built.wheel)


@pytest.fixture(scope="session")
def sdist(built: Built) -> Files:
    return contents.of_sdist(built.sdist)


def test_the_wheel(wheel: Files, checkout: Files) -> None:
    assert contents.wrong_with_wheel(wheel, checkout, mappedram.__version__) == []


def test_the_sdist(sdist: Files, checkout: Files) -> None:
    assert contents.wrong_with_sdist(sdist, checkout) == []


def test_by_pattern(wheel: Files, sdist: Files) -> None:
    """The most important files, without looking at the repository."""
    data = r"mappedram/format/specification/data/(\w+\.(ksy|md|hexpat|magic)|vectors\.jsonl)"
    other = r"mappedram/(py\.typed|html/page\.(css|js))"
    package = rf"mappedram/([a-z_0-9]+/)*\w+\.py|{other}|{data}"
    info = r"mappedram-[\d.]+\.dist-info/(METADATA|RECORD|WHEEL|entry_points\.txt|licenses/LICENSE)"
    assert [name for name in wheel if not re.fullmatch(f"{package}|{info}", name)] == []
    assert {f"mappedram/format/specification/data/{name}" for name in FILES} <= wheel.keys()
    assert {"mappedram/py.typed", "mappedram/cli/main.py"} <= wheel.keys()
    assert not [name for name in sdist if re.search(r"__pycache__|\.pyc$|^\.(ci|venv|git/)", name)]
    assert {"tests/fixtures/pc.tar.gz", "spec/format.md", "tools/setup"} <= sdist.keys()


def test_what_is_wrong_with_a_wheel_is_seen(wheel: Files, checkout: Files) -> None:
    def wrong(*left_out: str, **changed: bytes) -> list[str]:
        held = {name: data for name, data in wheel.items() if name not in left_out}
        return contents.wrong_with_wheel(held | changed, checkout, mappedram.__version__)

    typed = "mappedram/py.typed"
    clauses = "mappedram/format/specification/data/format.md"
    assert wrong(typed) == [f"missing: {typed}"]
    assert wrong(clauses) == [f"missing: {clauses}"]
    assert wrong(**{clauses: b"old"}) == [f"differs from the repository: {clauses}"]
    for name in ("mappedram/__pycache__/a.pyc", "tests/conftest.py", "mappedram/notes.txt"):
        assert wrong(**{name: b""}) == [f"should not be there: {name}"]


def test_what_is_wrong_with_an_sdist_is_seen(sdist: Files, checkout: Files) -> None:
    assert contents.wrong_with_sdist(sdist | {".ci/run": checkout[".ci/run"]}, checkout) == [
        "should not be there: .ci/run"
    ]
    less = {name: data for name, data in sdist.items() if name != "tools/demo"}
    assert contents.wrong_with_sdist(less, checkout) == ["missing: tools/demo"]


def test_the_metadata(wheel: Files, sdist: Files) -> None:
    text = wheel[f"mappedram-{mappedram.__version__}.dist-info/METADATA"].decode()
    assert text == sdist["PKG-INFO"].decode()
    metadata = email.message_from_string(text)
    assert metadata["Version"] == mappedram.__version__
    assert metadata["License-Expression"] == "Apache-2.0 AND CC0-1.0"
    classifiers = metadata.get_all("Classifier") or []
    assert "Typing :: Typed" in classifiers
    versions = [name.rpartition(" ")[2] for name in classifiers if re.search(r":: 3\.\d+$", name)]
    assert versions == ["3.11", "3.12", "3.13", "3.14"]
    assert metadata["Requires-Python"] == f">={versions[0]}"
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in versions, "tested, and not said"


def test_the_changelog_begins_with_this_version() -> None:
    """In the form of Keep a Changelog: `[Unreleased]`, with the next version, or a date."""
    unreleased = r"\[Unreleased\]\n\nBecomes (?P<next>\S+),"
    released = r"\[(?P<version>\S+)\] - \d{4}-\d\d-\d\d\n"
    first = re.match(f"{unreleased}|{released}", CHANGELOG.partition("\n## ")[2])
    assert first
    assert mappedram.__version__ in (first["next"], first["version"])


def test_the_changelog_has_the_headings_of_keep_a_changelog() -> None:
    headings = re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)
    assert set(headings) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert headings


def test_the_installed_command(installed: Environment, fixtures: Fixtures, tmp_path: Path) -> None:
    def out(*words: str | Path) -> str:
        return installed.run([installed.command, *words]).stdout

    assert out("--version") == f"mappedram {mappedram.__version__}\n"
    assert "clean" in out("check", fixtures["pc"].path)
    assert "A reader MUST report a `pages_offset`" in out("explain", "MR201")
    assert "Load with 11.0 or newer." in out("explain", "E-028")
    out("layout", "--html", tmp_path / "page.html", fixtures["pc"].path)
    assert "the same in every block of the file" in (tmp_path / "page.html").read_text("utf-8")
    out("spec", "-d", tmp_path / "spec")
    written = {path.name: path.read_bytes() for path in (tmp_path / "spec").iterdir()}
    assert written == {name: file.data for name, file in FILES.items()}
