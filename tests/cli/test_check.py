"""`mappedram check`: the report of `mappedram.check` as text and JSON."""

import gzip
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mappedram.check import RULES, check
from tests.cli.conftest import Run, on, patched
from tests.conftest import Fixtures
from tests.stream.libvirt.samples import image

FINDING_KEYS = [
    "code",
    "name",
    "severity",
    "message",
    "offset",
    "length",
    "path",
    "expected",
    "actual",
    "decompressed",
    "remedy",
]


@pytest.fixture
def corrupt(fixtures: Fixtures, tmp_path: Path) -> Path:
    """A file whose END of RAM stands behind a PART that no START has."""
    field = "/sections[1]/header/section_id"
    return patched(fixtures["pc"], tmp_path, field, b"\0\0\0\x63")


@pytest.fixture
def harmless(fixtures: Fixtures, tmp_path: Path) -> Path:
    """A file with a header of version 0, which no writer emits and every loader takes."""
    directory = tmp_path / "harmless"
    directory.mkdir()
    return patched(fixtures["pc"], directory, "/ram/blocks[0]/mapped_ram/version", bytes(4))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_text("not a snapshot\n")
    return path


def clean(path: Path) -> str:
    """What there is to say of a file without findings, of the machine type pc-i440fx-10.0."""
    lines = (
        'QEMU 9.0 to 9.2: refuses (MR060), read: "unsupported machine type"',
        "QEMU 10.0 to 11.1.3: loads",
        "clean (0 errors, 0 warnings, 0 infos)",
    )
    return "".join(f"{path}: {line}\n" for line in lines)


def test_clean(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["pc"]
    outcome = run(*on("check", fixture))
    assert outcome == (0, clean(fixture.path), "")


@pytest.mark.parametrize(
    ("name", "status"),
    [("pc", 0), ("offset-unaligned", 0), ("killed", 2), ("background-snapshot", 2), ("plain", 0)],
)
def test_status_is_that_of_the_report(name: str, status: int, fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures[name]
    report = check(fixture.path, fixture.offset)
    human, machine = run(*on("check", fixture)), run(*on("check", fixture, "--output", "json"))
    assert human.status == machine.status == report.exit_status == status
    assert machine.json == [report.to_dict()]
    assert list(machine.json[0]) == [
        *("file", "verdict", "machine", "findings", "qemu", "asked", "not_judged")
    ]
    assert all(list(finding) == FINDING_KEYS for finding in machine.json[0]["findings"])
    assert human.out.splitlines()[-1].startswith(f"{fixture.path}: {report.verdict} (")


def test_a_finding(harmless: Path, run: Run) -> None:
    outcome = run("check", harmless)
    assert outcome.status == 3
    lines = outcome.out.splitlines()
    assert re.fullmatch(
        rf"{re.escape(str(harmless))}:0x72: warning MR206 header-version: .+", lines[0]
    )
    assert lines[1] == "    /ram/blocks[0]/mapped_ram/version"
    assert lines[-8].startswith("    actual   0")
    assert lines[-7] == "    0x00000070  00 00 00 00 00 00 00 00 00 00 00 00 10 00 00 00"
    assert lines[-6] == "                      ^^ ^^ ^^ ^^"
    repair = f"`mappedram repair {harmless} repaired.mapped-ram`"
    assert lines[-5] == f"    remedy: Run {repair}: it writes 1."
    assert lines[-4] == "    see: mappedram explain MR206"
    assert lines[-3].startswith(f"{harmless}: QEMU 9.0 to 9.2: refuses (MR060)")
    assert lines[-2] == f"{harmless}: QEMU 10.0 to 11.1.3: loads"
    assert lines[-1] == f"{harmless}: harmless (0 errors, 1 warning, 0 infos)"


def test_bytes_across_a_line_are_shown_whole(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    field = "/ram/blocks[0]/mapped_ram/bitmap_offset"  # at 0x7e, eight bytes long
    path = patched(fixtures["pc"], tmp_path, field, b"\x7f" + bytes(7))
    out = run("check", path).out
    assert "    0x0000007e  7f 00 00 00 00 00 00 00 " in out
    assert "\n                ^^ ^^ ^^ ^^ ^^ ^^ ^^ ^^\n" in out


def test_more_bytes_than_a_line(fixtures: Fixtures, run: Run) -> None:
    assert " ^^ … 512 bytes" in run(*on("check", fixtures["background-snapshot"])).out


def test_forms_for_other_tools(corrupt: Path, harmless: Path, fixtures: Fixtures, run: Run) -> None:
    """The same findings and exit status; `corrupt` has two findings."""
    files = (corrupt, harmless, fixtures["pc"].path, "/nonexistent")
    machine = run("check", "--output", "json", *files)
    codes = [finding["code"] for report in machine.json for finding in report["findings"]]
    outcome = run("check", "--output", "sarif", *files)
    assert [result["ruleId"] for result in outcome.json["runs"][0]["results"]] == codes
    outcomes = run("check", "--output", "junit", *files)
    suites = ET.fromstring(outcomes.out)
    assert [suite.get("name") for suite in suites] == [str(file) for file in files]
    assert [suite.get("failures") for suite in suites] == ["2", "1", "0", "0"]
    assert machine.status == outcome.status == outcomes.status == 1
    assert run("check", "--output", "junit", harmless).status == 3
    assert run("check", "--output", "sarif", corrupt).status == 2


def test_rules_of_the_forms_are_those_selected(fixtures: Fixtures, run: Run) -> None:
    chosen = ("check", "--select", "MR2", "--ignore", "MR201", fixtures["pc"].path)
    (tool,) = (entry["tool"] for entry in run(*chosen, "--output", "sarif").json["runs"])
    codes = [entry["id"] for entry in tool["driver"]["rules"]]
    expected = [c for c in RULES if c == "MR004" or (c.startswith("MR2") and c != "MR201")]
    assert codes == expected
    (suite,) = ET.fromstring(run(*chosen, "--output", "junit").out)
    assert [test.get("name", "")[:5] for test in suite] == expected


def test_bytes_that_were_decompressed_are_not_shown(tmp_path: Path, run: Run) -> None:
    """They are nowhere in the file: what stands at that offset there is something else."""
    path = tmp_path / "image"
    stream = b"QEVM\0\0\0\3\x42"
    path.write_bytes(image(gzip.compress(stream), save_format=1))
    outcome = run("check", path)
    first, *_ = outcome.out.splitlines()
    assert first.startswith(f"{path} (decompressed):0x8: error MR001 malformed: ")
    assert "0x00000000  " not in outcome.out
    (report,) = run("check", "--output", "json", path).json
    assert [finding["decompressed"] for finding in report["findings"]] == [True]

    path.write_bytes(image(gzip.compress(stream), save_format=2))  # and what is in the file
    (report,) = run("check", "--output", "json", path).json
    told = {finding["code"]: finding["decompressed"] for finding in report["findings"]}
    assert told == {"MR001": True, "MR503": False}
    assert "    0x00000010  " in run("check", path).out


# Several files.


def test_a_file_that_cannot_be_opened_stops_nothing(
    fixtures: Fixtures, tmp_path: Path, run: Run
) -> None:
    missing, good = tmp_path / "missing", fixtures["pc"].path
    outcome = run("check", missing, tmp_path, good)
    assert outcome.status == 1
    assert outcome.err.splitlines() == [
        f"mappedram: {missing}: No such file or directory",
        f"mappedram: {tmp_path}: Is a directory",
    ]
    assert outcome.out == clean(good)

    first, second = run("check", "--output", "json", missing, good).json
    assert first == {
        "file": str(missing),
        "verdict": None,
        "error": "No such file or directory",
        "machine": None,
        "findings": [],
        "qemu": {},
        "asked": {"qemu": None, "destination": False},
        "not_judged": [],
    }
    assert second["verdict"] == "clean"


def test_the_worst_file_decides(
    fixtures: Fixtures, corrupt: Path, harmless: Path, text: Path, run: Run
) -> None:
    files = [(fixtures["pc"].path, 0), (harmless, 3), (text, 63), (corrupt, 2), ("/nonexistent", 1)]
    for count in range(1, len(files) + 1):
        chosen = [file for file, _ in files[:count]]
        assert run("check", *chosen).status == run("check", *reversed(chosen)).status
        assert run("check", *chosen).status == files[count - 1][1]


# --select and --ignore.


def test_ignore_changes_the_verdict(harmless: Path, run: Run) -> None:
    for ignored in ("MR206", "mr2"):
        outcome = run("check", "--ignore", ignored, harmless)
        assert outcome == (0, clean(harmless), "")


def test_releases_count_where_their_rule_is_chosen(corrupt: Path, run: Run) -> None:
    """Nothing is said of releases that do not count, so that nothing contradicts the verdict."""
    for options in (("--ignore", "MR"), ("--ignore", "MR061", "--select", "MR3")):
        outcome = run("check", *options, corrupt)
        assert outcome == (0, f"{corrupt}: clean (0 errors, 0 warnings, 0 infos)\n", "")
        (report,) = run("check", *options, "--output", "json", corrupt).json
        assert (report["verdict"], report["qemu"]) == ("clean", {})
    outcome = run("check", "--select", "MR061", corrupt)
    assert outcome.status == 2
    assert " error MR061 not-loaded: no release loads " in outcome.out
    named = run("check", "--select", "MR3", "--qemu", "10.0", corrupt)
    assert named.status == 2
    assert " error MR061 not-loaded: QEMU 10.0 refuses the file: " in named.out


def test_select(corrupt: Path, run: Run) -> None:
    codes = {f["code"] for f in run("check", "--output", "json", corrupt).json[0]["findings"]}
    assert "MR022" in codes
    chosen = run("check", "--output", "json", "--select", "MR022", corrupt)
    assert {f["code"] for f in chosen.json[0]["findings"]} == {"MR022"}
    assert chosen.status == 2
    assert run("check", "--select", "MR3", corrupt).status == 0
    both = run("check", "--select", "MR0", "--select", "MR3", "--ignore", "MR022", corrupt)
    assert " error MR022 " not in both.out


def test_what_is_not_followed_is_never_clean(text: Path, run: Run) -> None:
    assert run("check", "--select", "MR3", text).status == 63
    assert run("check", "--ignore", "MR0", text).status == 63


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_codes_that_no_rule_has(option: str, fixtures: Fixtures, run: Run) -> None:
    outcome = run("check", option, "MX1", fixtures["pc"].path)
    assert outcome.status == 64
    assert outcome.out == ""
    assert option in outcome.err
