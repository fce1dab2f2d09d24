"""Every command on the pages prints what the pages show."""

from pathlib import Path

import pytest

from tools.docs.transcripts import PAGES, Step, steps, updated


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pages_show_what_is_printed(path: Path) -> None:
    found = list(steps(path.read_text(encoding="utf-8")))
    assert found
    for step in found:
        assert step.holds, f"{step.command}\nprints\n{step.printed}"


def test_recipes_and_the_tour_are_among_them() -> None:
    assert {"index", "recipes"} <= {path.stem for path in PAGES}


@pytest.mark.parametrize(
    ("shown", "holds"),
    [
        ("one\ntwo\nthree\n", True),
        ("…\nthree\n", True),
        ("one\n…\n", True),
        ("one\n…\ntwo\nthree\n", True),
        ("one\n", False),
        ("…\none\n", False),
        ("one\n…\nfour\n", False),
        ("", False),
    ],
)
def test_what_holds(shown: str, holds: bool) -> None:
    assert Step("command", shown, "one\ntwo\nthree\n").holds is holds


PAGE = """<!-- files: pc -->
```console
$ ls
wrong
$ echo a \\
    b; false
…
```
Prose.
```console
$ mappedram info nothing
```
"""


def test_update() -> None:
    page = updated(PAGE)
    assert "$ ls\npc.mapped-ram\n$ echo a \\\n    b; false\n…\n```" in page
    assert "$ mappedram info nothing\nmappedram: nothing: No such file or directory\n" in page
    assert "[exit status 1]\n" in page
    assert updated(page) == page
    assert all(step.holds for step in steps(page))
    assert not all(step.holds for step in steps(PAGE))
