"""The examples of docs/fuzzing.md run, and fail if a parser has a bug."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mappedram.fuzz.corpus import write
from tests.cli.conftest import ROOT

DOCUMENT = ROOT / "docs" / "fuzzing.md"
#: Added to the files: the number of examples, and no deadline on a busy machine.
_CONFTEST = """
from hypothesis import settings

settings.register_profile(
    "docs", derandomize=True, database=None, deadline=None, max_examples=60
)
settings.load_profile("docs")
"""
_FILES = re.compile(r"^<!-- file: (\S+) -->\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files in the document."""
    for name, text in _FILES.findall(DOCUMENT.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(_CONFTEST, encoding="utf-8")
    return tmp_path


def python(folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{folder}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def outcome_of_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of the parser."""
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", folder)
    return python(folder, "-m", "pytest", *options, "test_my_parser.py", "test_one_structure.py")


def test_the_tests_of_the_parser_pass(folder: Path) -> None:
    done = outcome_of_tests(folder)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


@pytest.mark.parametrize(
    ("good", "bad", "failing"),
    [
        ("if version > 1 or", "if", "test_refuses_version_2"),
        ('name.decode("latin-1")', "name.decode()", "test_finds_a_block_of_any_name"),
        ("page_size.bit_count() != 1 or", "", "test_refuses"),
        ("except (struct.error, IndexError)", "except struct.error", "test_gives_a_value"),
        ("at = pages + used", "at = pages + used + 8", "test_finds_all_blocks"),
    ],
)
def test_they_fail_where_the_parser_is_wrong(
    good: str, bad: str, failing: str, folder: Path
) -> None:
    parser = folder / "my_parser.py"
    text = parser.read_text()
    assert good in text
    parser.write_text(text.replace(good, bad))
    done = outcome_of_tests(folder)
    assert done.returncode == 1
    assert failing in done.stdout


def test_the_corpus_is_judged(folder: Path) -> None:
    write(folder / "files", seed=0, count=60)
    done = python(folder, "judge_corpus.py", "files")
    assert done.returncode == 0, done.stdout + done.stderr


def test_figures_are_those_of_known_failures() -> None:
    """The document names each failure that the target must find."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for field in ("page_size", "used_length", "len_name", "pages_offset"):
        assert re.search(rf"^\| .*`{field}`", text, re.MULTILINE), field
