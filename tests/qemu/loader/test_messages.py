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


#: Ways that are about one section only.
ABOUT = {
    "hook": "kvm-tpr-opt",
    "field": "configuration/uuid",
    "too-new": "configuration/uuid",
    "too-old": "configuration/uuid",
    "device-too-new": "timer",
}


def filled(way: str, words: str) -> str:
    """The words with values inserted."""
    name = ABOUT.get(way, "ram")
    names = ("idstr", "name", "vmsd")
    return re.sub(r"\{(\w+)[^}]*\}", lambda m: name if m[1] in names else "17", words)


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
    said = filled(way, words)
    found = causes(before + said if before else said.upper())
    assert way in {cause.way for cause in found}


def test_what_fails_within_ram() -> None:
    assert {cause.way for cause in causes(RAM_FAILED)} == set(IN_RAM)
    inner = (
        f"load of migration failed: Input/output error: {RAM_FAILED}: Error reading dirty bitmap"
    )
    assert [cause.way for cause in causes(inner)] == ["bitmap"]
    device = causes("error while loading state for instance 0x0 of device 'timer'")
    assert {cause.way for cause in device} == set(IN_DEVICE) - {"hook", "run-state"}
    tpr = causes("error while loading state for instance 0x0 of device 'kvm-tpr-opt'")
    assert {cause.way for cause in tpr} == set(IN_DEVICE) - {"run-state"}


def test_ways_of_ram_are_those_of_its_module() -> None:
    named = {"start-cut", "part-cut"}  # of `sections`, which only uses it for RAM
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


NAME, FAILED = "qemu-system-x86_64: ", "load of migration failed: Invalid argument"
OTHER_DEVICE = {"device", "device-too-new", "device-cut"}


@pytest.mark.parametrize(
    ("lines", "ways"),
    [
        (['Unknown ramblock "r", cannot accept migration', RAM_FAILED, FAILED], {"block"}),
        (["Unexpected RAM flags: 66", RAM_FAILED, FAILED], {"ram-flags-unexpected"}),
        (["Received unknown capability x", "Failed to load a:b", FAILED], {"capability-name"}),
        (
            ["Missing section footer for ram", f"{FAILED}: Section footer error, section_id: 1"],
            {"footer-missing"},
        ),
        (["Section footer error, section_id: 1"], {"footer-cut", "footer-missing", "footer-id"}),
        (["400 != 0", "Failed to load vmmouse:queue_size", FAILED], OTHER_DEVICE),
        (["get_pci_config_device: Bad config data: i=0x0 read: 0", FAILED], OTHER_DEVICE),
        (["rtc: incoming version_id 0 is too old for local minimum version_id  1"], OTHER_DEVICE),
        (["rtc: incoming version_id 9 is too new for local version_id 1"], {"device-too-new"}),
        (["configuration: incoming version_id 9 is too new for local version_id 1"], {"too-new"}),
        (["Failed to load configuration:name"], {"field"}),
        (["invalid parameter value: nowhere", FAILED], {"run-state"}),
        ([RAM_FAILED, FAILED], set(IN_RAM)),
        ([f"{FAILED}: {RAM_FAILED}: Failed to load vmstate version_id: 3, ret: -22"], set(IN_RAM)),
        ([f"{FAILED}: Failed to load vmstate version_id: 4, ret: -22"], set(IN_RAM)),
        (["load of migration failed: Input/output error"], {"type-cut", "command-cut"}),
        (["load of migration failed: No such file or directory"], {"subsection"}),
        (["GLib: gmem.c:136: failed to allocate 18446744073709547533 bytes"], {"allocation"}),
        (
            [
                f"{FAILED}: post load hook failed for: configuration, version_id: 1,"
                " minimum_version: 0: UUID received is 1 and local is 2"
            ],
            {"uuid"},
        ),
        (
            [
                f"{FAILED}: Loading VM subsection 'configuration/capabilities' in 'configuration'"
                " failed: -22: Received unknown capability x"
            ],
            {"capability-name"},
        ),
        ([FAILED], set()),
        (["virtio: some warning", FAILED], set()),
    ],
    ids=lambda part: part[0] if isinstance(part, list) else None,
)
@pytest.mark.parametrize("form", ["lines", "named", "one", "log", "libvirt"])
def test_pasted(lines: list[str], ways: set[str], form: str) -> None:
    """The most specific line counts, however the text was pasted."""
    text = {
        "lines": "\n".join(lines),
        "named": "\n\n".join(NAME + line for line in lines) + "\n",
        "one": " ".join(NAME + line for line in lines),
        "libvirt": "char device redirected to /dev/pts/1 (label charserial0)\n"
        + "\n".join(f"2026-11-26T17:00:00.1Z {NAME}{line}" for line in lines)
        + "\n2026-11-26 17:00:00.123+0000: shutting down, reason=failed\n",
        "log": "".join(f"2026-11-26T17:00:00.1Z {NAME}{line}\r\n" for line in lines),
    }[form]
    assert {cause.way for cause in causes(text)} == ways


@pytest.mark.parametrize("name", ["", NAME])
def test_lines_that_a_terminal_has_broken(name: str) -> None:
    first, second = "Unknown savevm section or instance 'ram'", "1. Make sure that your current VM"
    assert {cause.way for cause in causes(f"{name}{first}\n{second}")} == {
        "section",
        "ram-instance",
    }


def test_releases_without_words_of_their_own(run: Run) -> None:
    outcome = run("explain", "load of migration failed: Input/output error")
    assert outcome.status == 0
    assert "  9.0 to 10.1: no words of its own\n" in outcome.out


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
