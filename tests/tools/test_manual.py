"""The manual pages: one for each verb, fresh, and without a fault that groff would name."""

import shutil
import subprocess

import pytest

from tools.generate import ksy, manual

PAGES = manual.outputs()


def test_pages_are_fresh_and_no_other_is_there() -> None:
    folder = ksy.ROOT / manual.FOLDER
    assert {f"{manual.FOLDER}/{path.name}" for path in folder.iterdir()} == PAGES.keys()
    for name, text in PAGES.items():
        assert (ksy.ROOT / name).read_text(encoding="utf-8") == text, "python -m tools.generate"


def test_a_page_for_each_verb() -> None:
    names = {name.rpartition("/")[2] for name in PAGES}
    assert {"mappedram.1", "mappedram-check.1", "mappedram-fuzz-run.1"} <= names


@pytest.mark.parametrize("name", PAGES)
def test_groff_takes_it(name: str) -> None:
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-rLL=78n", "-P-cbou"],
        input=PAGES[name],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "NAME" in done.stdout
    groups = ("mappedram.1", "fuzz.1", "fleet.1", "completion.1")
    assert "--output" in done.stdout or name.endswith(groups)
