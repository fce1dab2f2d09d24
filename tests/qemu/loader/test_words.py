"""From QEMU's words to their causes."""

import ast
import re
from pathlib import Path

import pytest

import mappedram.qemu.loader
from mappedram.qemu.loader import RELEASES
from mappedram.qemu.loader.failures import ENDINGS
from mappedram.qemu.loader.messages import IN_DEVICE, IN_RAM, causes
from tests.cli.conftest import Run, run

__all__ = ["run"]  # a fixture of the tests of the command line

RAM_FAILED = "error while loading state for instance 0x0 of device 'ram'"
SPOKEN = sorted(
    {
        (way, words)
        for way, ending in ENDINGS.items()
        for release in RELEASES
        if (words := ending.said_by(release))
    }
)


def filled(words: str) -> str:
    """The words with values."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda m: "ram" if m[1] in ("idstr", "name") else "17", words)


@pytest.mark.parametrize(("way", "words"), SPOKEN)
@pytest.mark.parametrize(
    "before",
    [
        "",
        "qemu-system-x86_64: ",
        "2026-11-26T17:00:00.1Z qemu-system-aarch64: load of migration failed: Invalid argument: ",
    ],
)
def test_every_way_is_found_by_its_words(way: str, words: str, before: str) -> None:
    found = causes(before + filled(words).upper() if not before else before + filled(words))
    assert way in {cause.way for cause in found}


def test_what_fails_within_ram() -> None:
    assert {cause.way for cause in causes(RAM_FAILED)} == set(IN_RAM)
    inner = (
        f"load of migration failed: Input/output error: {RAM_FAILED}: Error reading dirty bitmap"
    )
    assert [cause.way for cause in causes(inner)] == ["bitmap"]
    device = causes("error while loading state for instance 0x0 of device 'timer'")
    assert {cause.way for cause in device} == set(IN_DEVICE)


def test_ways_of_ram_are_those_of_its_module() -> None:
    named = {"start-cut", "part-cut"}  # of `sections`, which says it of RAM alone
    for name in ("ram", "plain", "records"):
        path = Path(mappedram.qemu.loader.__file__).with_name(f"{name}.py")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        named |= {value for value in constants if isinstance(value, str)}
    refusals = {way for way, ending in ENDINGS.items() if ending.outcome == "refuses"}
    assert named & refusals == set(IN_RAM)


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("Unknown savevm section or instance 'block' 0", {"section"}),
        ("Unknown section or instance 'ram' 1. Make sure that", {"section", "ram-instance"}),
        ("Unknown savevm section 7", {"section-id"}),
        ("Unknown combination of migration flags", {"ram-flags"}),
        ("unknown COMBINATION of  migration flags: 0x120", {"ram-flags"}),
        ("load of migration failed: Invalid argument", set()),
        ("Unknown", set()),
        ("No such file or directory", set()),
    ],
)
def test_beginnings(text: str, ways: set[str]) -> None:
    assert {cause.way for cause in causes(text)} == ways


def test_command(run: Run) -> None:
    outcome = run("explain", RAM_FAILED)
    assert outcome.status == 0
    assert "MR026 ram-version: QEMU refuses the file\n" in outcome.out
    assert "mappedram explain MR402" in outcome.out.splitlines()[-1]
    document = run("explain", "--output", "json", RAM_FAILED).json
    assert document["words"] == RAM_FAILED
    assert {"MR002", "MR026", "MR402"} <= {cause["code"] for cause in document["causes"]}
    assert set(document["causes"][0]) == {
        *("code", "name", "outcome", "words", "releases", "summary", "remedy")
    }


def test_words_that_nobody_says(run: Run) -> None:
    outcome = run("explain", "the dog ate it")
    assert (outcome.status, outcome.out) == (1, "")
    assert "'the dog ate it': no words of QEMU that are known" in outcome.err
    assert run("explain", "--output", "json", "the dog ate it").json["causes"] == []
    assert run("explain", "MR999").status == 64  # a name, not words
