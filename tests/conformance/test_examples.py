"""The examples in docs/languages.md run, and print what `mappedram` reads."""

import re
from collections.abc import Callable

import pytest

from mappedram import open as open_snapshot
from tests.conformance import vectors
from tests.conformance.toolchains import TOOLCHAINS, Built
from tests.conftest import Fixtures
from tools.generate import ksy

PAGE = (ksy.ROOT / "docs" / "languages.md").read_text(encoding="utf-8")


def examples() -> dict[str, str]:
    """The code blocks of the page by their language, without shell commands."""
    return dict(re.findall(r"^```(?!sh\b)(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def test_there_is_an_example_for_each_verified_language() -> None:
    assert set(examples()) == set(TOOLCHAINS)


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_example(language: str, driver: Callable[[str], Built], fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with open_snapshot(path) as snapshot:
        blocks = [block.model for block in snapshot.blocks]
    wanted = [f"{block.idstr} {block.used_length} {block.num_pages}" for block in blocks]
    assert len(wanted) > 1
    assert driver(language).run_example(examples()[language], path).splitlines() == wanted


def test_each_trap_has_vectors() -> None:
    _, _, part = PAGE.partition("## The portable subset")
    rows = re.findall(r"^\| (?!trap|-)(.*) \|$", part.partition("\n## ")[0], re.MULTILINE)
    assert len(rows) > 10
    for row in rows:
        named = row.rsplit(" | ", 1)[1]
        if named != "does not compile":
            assert set(re.findall(r"`(\w+)`", named)) <= vectors.VECTORS.keys()
            assert named.startswith("`")
