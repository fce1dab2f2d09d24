"""One judgement: lines, verdict, exit status, JSON, SARIF and JUnit of a file never disagree."""

import itertools
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, get_args
from xml.etree import ElementTree as ET

import pytest

import mappedram
from mappedram import NotModelledError
from mappedram.check import RULES, Finding, Report, check
from mappedram.check.judgement import Question, judged
from mappedram.check.loading import LOADS, TABLE, WORST, LoadingCase, Loads, Worst
from mappedram.check.report import NOT_FOLLOWED, Asked
from mappedram.check.reports import junit, sarif
from mappedram.format.constants import SectionType
from mappedram.fuzz.defects import CATALOGUE
from mappedram.io.opening import DiskImage, Openable, internal_snapshots, name_of
from mappedram.qemu.loader import RELEASES, Destination, LocalBlock, Outcome, Verdict
from tests.check.cases import CASES
from tests.check.draft import Draft
from tests.check.test_written import ARCHIVE, NAMES, offset_of
from tests.cli.conftest import Outcome as Ran
from tests.cli.conftest import Run, on, run
from tests.conftest import Fixtures, manifest
from tests.export.metadump.making import metadump
from tests.files import copy_sparse
from tests.stream.libvirt import samples as libvirt
from tests.stream.libvirt.samples import Samples

__all__ = ["run"]  # a fixture of the tests of the command line

ALL = tuple(RULES.values())
STATUS = {"clean": 0, "corrupt": 2, "harmless": 3, "unsupported": 63}
#: A number below 0.
IMPOSSIBLE = re.compile(r"-0x|-\d|< 0(x0)?\b|<= 0x0\b")
OLDEST, NEWEST = next(iter(RELEASES)), list(RELEASES)[-1]


# The corpus.


@dataclass(frozen=True)
class Place:
    """Where tests take their files from."""

    fixtures: Fixtures
    samples: Samples
    written: Path
    folder: Path


@pytest.fixture(scope="module")
def place(fixtures: Fixtures, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("judgement")
    with tarfile.open(ARCHIVE) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder / "written")
    return Place(fixtures, Samples(folder / "libvirt"), folder / "written", folder / "changed")


@contextmanager
def fixture(place: Place, name: str) -> Iterator[tuple[Path, int]]:
    yield place.fixtures[name].path, place.fixtures[name].offset


@contextmanager
def changed(place: Place, name: str) -> Iterator[tuple[Path, int]]:
    case = next(case for case in CASES if case.name == name)
    shutil.rmtree(place.folder, ignore_errors=True)
    place.folder.mkdir()
    draft = Draft(place.fixtures[case.fixture], place.folder)
    case.change(draft)
    yield draft.path, draft.base


@contextmanager
def sample(place: Place, name: str) -> Iterator[tuple[Path, int]]:
    libvirt.skip_without_decompressor(name)
    yield place.samples[name].path, 0


@contextmanager
def build(place: Place, name: str) -> Iterator[tuple[Path, int]]:
    path = place.written / name
    yield path, offset_of(path) if name.endswith(".mr") else 0


@contextmanager
def made(_: Place, name: str) -> Iterator[tuple[Path, int]]:
    code, way = name.split("-")
    (breakage,) = (one for one in CATALOGUE[code] if one.name == way)
    file = breakage.file(Random(0))
    with file.opened() as fd:
        yield Path(f"/proc/self/fd/{fd}"), file.offset


CORPUS = [
    *((fixture, name) for name in sorted(manifest())),
    *((changed, case.name) for case in CASES),
    *((sample, name) for name in libvirt.NAMES),
    *((build, name) for name in NAMES),
    *((made, f"{code}-{way.name}") for code, ways in CATALOGUE.items() for way in ways),
]


# What is said in each form, from the form alone.


def by_sarif(report: Report) -> str:
    document = json.loads(json.dumps(sarif.document([report], ALL), default=list))
    (found,) = document["runs"]
    (artifact,) = found["artifacts"]
    levels = {result["level"] for result in found["results"]}
    codes = {result["ruleId"] for result in found["results"]}
    told = "corrupt" if "error" in levels else "harmless" if "warning" in levels else "clean"
    if NOT_FOLLOWED in codes and "error" not in levels:
        told = "unsupported"
    assert artifact["properties"]["verdict"] == told
    return told


def by_junit(report: Report) -> str:
    (suite,) = ET.fromstring("".join(junit.pieces([report], ALL)))
    failures = {failure.get("type") for failure in suite.iter("failure")}
    if "error" in failures:
        return "corrupt"
    if suite.get("skipped") != "0":
        return "unsupported"
    return "harmless" if failures else "clean"


def by_json(report: dict[str, Any]) -> str:
    """What findings and releases say together, whatever is written as `verdict`."""
    severities = {finding["severity"] for finding in report["findings"]}
    outcomes = [verdict["outcome"] for verdict in report["qemu"].values()]
    codes = {finding["code"] for finding in report["findings"]}
    if "error" in severities:
        return "corrupt"
    if NOT_FOLLOWED in codes:
        return "unsupported"
    missing = all(verdict["because"] == ["MR065"] for verdict in report["qemu"].values())
    assert not outcomes or "loads" in outcomes or (missing and not any(report["asked"].values()))
    return "harmless" if "warning" in severities else "clean"


def agrees(report: Report) -> None:
    """Nothing that is said of a file contradicts anything else, and all that is expected can be."""
    assert not [f for f in report.findings if IMPOSSIBLE.search(f.expected or "")]
    assert by_json(report.to_dict()) == by_sarif(report) == by_junit(report) == report.verdict
    assert report.exit_status == STATUS[report.verdict]
    file_findings = [f for f in report.findings if RULES[f.code].subject == "file"]
    original = [_as_found(finding) for finding in file_findings]
    loading = LoadingCase(report.qemu, original, report.asked)
    assert TABLE[loading.worst, loading.loads][bool(report.asked)] == report.verdict


def _as_found(finding: Finding) -> Finding:
    """The finding with the severity of its rule."""
    return replace(finding, severity=RULES[finding.code].severity)


@pytest.mark.parametrize(("take", "name"), CORPUS, ids=lambda part: getattr(part, "__name__", part))
def test_whole_corpus(take: Any, name: str, place: Place, run: Run) -> None:
    with take(place, name) as (path, offset):
        for file, options in choices(path):
            all_forms_agree(file, offset, run("check", "--offset", offset, *options, path))


def choices(path: Path) -> list[tuple[Openable, list[str]]]:
    """What to check in a file, with the options for it: in an image, each of its snapshots."""
    if path.suffix != ".qcow2":
        return [(path, [])]
    names = [snapshot.name for snapshot in internal_snapshots(path)]
    assert names
    return [(DiskImage(path, name), ["--snapshot", name]) for name in names]


def all_forms_agree(file: Openable, offset: int, outcome: Ran) -> None:
    report = check(file, offset)
    agrees(report)
    assert outcome.status == report.exit_status
    assert outcome.out.splitlines()[-1].startswith(f"{name_of(file)}: {report.verdict} (")
    for release in (OLDEST, NEWEST):
        try:
            named = check(file, offset, release=release)
        except NotModelledError:
            assert report.qemu == {}
            continue
        agrees(named)
        assert set(named.qemu) <= {release}
        loads = [verdict.outcome == "loads" for verdict in named.qemu.values()]
        if named.verdict != "unsupported":
            assert (named.verdict != "corrupt") is all(loads) or not all(
                verdict.certain for verdict in named.qemu.values()
            )


# The table.


def test_table_is_whole() -> None:
    assert set(TABLE) == set(itertools.product(get_args(Worst), get_args(Loads)))
    assert set(WORST) == set(get_args(Worst))
    assert set(LOADS) == set(get_args(Loads))


def finding(code: str) -> Finding:
    rule = RULES[code]
    return Finding(code, rule.name, rule.severity, "a", 1, 2, "/a", None, None)


def verdict(outcome: Outcome, *, certain: bool = True) -> Verdict:
    because = () if outcome == "loads" else ("MR001",)
    return Verdict(outcome, because, None, False, certain, "measured")


FOUND: dict[Worst, list[Finding]] = {
    "error": [finding("MR101"), finding("MR206")],
    "not followed": [finding("MR004"), finding("MR206")],
    "warning": [finding("MR206")],
    "nothing": [finding("MR303")],
}
BECOMES: dict[Loads, dict[str, Verdict]] = {
    "all": {"1": verdict("loads"), "2": verdict("loads")},
    "perhaps": {"1": verdict("loads"), "2": verdict("loads", certain=False)},
    "some": {"1": verdict("refuses"), "2": verdict("loads")},
    "wrong": {"1": verdict("wrong-memory"), "2": verdict("loads")},
    "none": {"1": verdict("wrong-memory"), "2": verdict("crashes")},
    "not asked": {},
}
FITTING = Destination()


@pytest.mark.parametrize(("worst", "loads"), TABLE, ids=str)
@pytest.mark.parametrize("destination", [None, FITTING], ids=["all", "destination"])
def test_every_cell(worst: Worst, loads: Loads, destination: Destination | None) -> None:
    question = Question(destination=destination)
    report = judged("file", FOUND[worst], BECOMES[loads], question)
    expected = TABLE[worst, loads][destination is not None]
    assert (report and report.verdict) == expected
    if report is not None:
        agrees(report)


@pytest.mark.parametrize("worst", FOUND)
@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_a_release_decides(worst: Worst, outcome: Outcome) -> None:
    """Whatever the others do."""
    qemu = {"1": verdict(outcome), "2": verdict("loads"), "3": verdict("refuses")}
    report = judged("file", FOUND[worst], qemu, Question("1"))
    assert report is not None
    assert set(report.qemu) == {"1"}
    corrupt = outcome != "loads" and worst != "not followed"
    assert (report.verdict == "corrupt") is corrupt
    agrees(report)


def test_what_a_release_does_not_mind_stays_listed() -> None:
    report = judged("file", FOUND["error"], {"1": verdict("loads")}, Question("1"))
    assert report is not None
    assert [(f.code, f.severity) for f in report.findings] == [
        ("MR101", "warning"),
        ("MR206", "warning"),
    ]
    unasked = judged("file", FOUND["error"], {"1": verdict("loads")})
    assert unasked is not None
    assert {f.severity for f in unasked.findings} == {"error", "warning"}


def test_wrong_memory_in_some_is_told() -> None:
    report = judged("file", [], BECOMES["wrong"])
    assert report is not None
    (only,) = report.findings
    assert (only.code, only.severity) == ("MR062", "warning")
    assert only.message == "QEMU 1 reports success and restores wrong memory"
    assert judged("file", [], BECOMES["some"]) == Report("file", "clean", (), BECOMES["some"])


def test_nothing_asked_is_false() -> None:
    assert not Asked()
    assert Asked("10.0")
    assert Asked(destination=True)


# Files that load, or do not, though no rule about the file is broken badly.


def test_x_colo(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Such a file loads where x-colo is on, as measured with 10.0.2, and up to 10.2."""
    draft = Draft(fixtures["pc"], tmp_path)
    draft.set(f"{draft.section(SectionType.COMMAND).path}/header", "command", 8)
    outcome = run("check", draft.path)
    assert outcome.status == 3
    assert "warning MR033 " in outcome.out
    assert "at a destination that has x-colo on" in outcome.out
    assert "QEMU 10.0 to 10.2: loads" in outcome.out
    assert f"QEMU 11.0 to {NEWEST}: refuses (MR033)" in outcome.out
    assert outcome.out.splitlines()[-1] == f"{draft.path}: harmless (0 errors, 1 warning, 0 infos)"
    assert check(draft.path).qemu["10.0"].depends_on_destination
    assert run("check", "--qemu", "11.0", draft.path).status == 2
    # A destination is taken as it is.
    assert {v.outcome for v in at(draft.path, draft.path).qemu.values()} == {"loads", "refuses"}
    without = at(draft.path, fixtures["pc"].path)
    assert {finding.code for finding in without.findings} == {"MR033", "MR063"}
    assert without.qemu["10.0"].because == ("MR063",)


def test_postcopy_run(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    draft.set(f"{draft.section(SectionType.COMMAND).path}/header", "command", 5)
    outcome = run("check", draft.path)
    assert outcome.status == 2
    assert (
        "error MR061 not-loaded: no release loads the file with the right memory: " in outcome.out
    )
    assert f"QEMU 10.0 to {NEWEST}: refuses (MR033)" in outcome.out
    assert outcome.out.splitlines()[-1] == f"{draft.path}: corrupt (1 error, 1 warning, 0 infos)"


def test_zeros_that_take_space_are_no_lost_data(fixtures: Fixtures, tmp_path: Path) -> None:
    """A file without holes, of empty memory: nothing is wrong with what QEMU restores."""
    draft = Draft(fixtures["none"], tmp_path)
    block = draft.block("ram")
    draft.write(block.bitmap_offset or 0, bytes(block.bitmap_size))
    draft.write(block.pages_offset or 0, bytes(block.used_length))
    report = check(draft.path)
    assert report.qemu[NEWEST].outcome == "loads"
    draft.write(block.pages_offset or 0, b"x")
    assert check(draft.path).qemu[NEWEST].outcome == "wrong-memory"


# A destination.


def at(path: Path, destination: Path) -> Report:
    with mappedram.open(destination) as snapshot:
        return check(path, destination=Destination.of(snapshot))


def test_its_own_destination(fixtures: Fixtures) -> None:
    """Whatever is clean fits the machine that wrote it."""
    path = fixtures["pc"].path
    report = at(path, path)
    assert (report.verdict, report.findings) == ("clean", ())
    assert report.asked == Asked(None, destination=True)


@pytest.mark.parametrize(
    ("name", "other", "code"),
    [
        ("pc", "none", "MR063"),
        ("pc", "q35", "MR063"),
        ("memory-backend", "numa2", "MR064"),
    ],
)
def test_another_machine(name: str, other: str, code: str, fixtures: Fixtures) -> None:
    path = fixtures[name].path
    report = at(path, fixtures[other].path)
    assert check(path).verdict == "clean"
    assert report.verdict == "corrupt"
    assert [finding.code for finding in report.findings] == [code]
    assert {verdict.because for verdict in report.qemu.values()} == {(code,)}
    agrees(report)


def test_a_device_that_it_lacks(fixtures: Fixtures, tmp_path: Path) -> None:
    path = fixtures["pc"].path
    lacking = Draft(fixtures["pc"], tmp_path)
    section = lacking.section(SectionType.FULL, "vmmouse")
    lacking.remove(section.offset, section.length)
    report = at(path, lacking.path)
    assert [finding.code for finding in report.findings] == ["MR065"]
    assert "'vmmouse'" in report.findings[0].message
    assert report.qemu[NEWEST].because == ("MR065",)
    assert at(lacking.path, path).verdict == check(lacking.path).verdict  # more devices do no harm


def test_a_block_that_is_shorter_there(fixtures: Fixtures) -> None:
    """A ROM of another size: not the bits are wrong."""
    path = fixtures["pc"].path
    with mappedram.open(path) as snapshot:
        whole = Destination.of(snapshot)
        block = next(b for b in snapshot.blocks if b.bitmap.any() and b.idstr == "pc.bios")
    assert whole.blocks is not None
    short = LocalBlock.like(block.idstr, 4096)
    shorter = replace(whole, blocks={**whole.blocks, block.idstr: short})
    report = check(path, destination=shorter)
    assert [finding.code for finding in report.findings] == ["MR064"]
    assert {verdict.because for verdict in report.qemu.values()} == {("MR064",)}


def test_of_a_libvirt_image_and_of_a_metadump(
    fixtures: Fixtures, place: Place, tmp_path: Path, run: Run
) -> None:
    """A snapshot is one wherever it stands."""
    sparse = place.samples["sparse"].path
    assert run("check", sparse, "--destination", sparse).status == 0
    packed = tmp_path / "packed"
    with metadump(fixtures["pc"].path) as fd:
        packed.write_bytes(Path(f"/proc/self/fd/{fd}").read_bytes())
    assert run("check", fixtures["pc"].path, "--destination", packed).status == 0
    assert run("check", packed, "--qemu", NEWEST).status == 0
    assert run("check", packed, "--destination", fixtures["none"].path).status == 2


def test_of_a_stream_without_mapped_ram(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Whoever loads a file sets the capabilities that it has; the machine is the same."""
    path, stream = fixtures["pc"].path, tmp_path / "stream"
    assert run("convert", "-O", "stream", path, stream).status == 0
    assert run("check", path, "--destination", stream).status == 0
    assert run("check", fixtures["q35"].path, "--destination", stream).status == 2


# What cannot be answered.


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("killed", "the file ends where a section should begin"),
        ("no-footers-no-vmdesc", "neither the JSON description nor a footer shows"),
        ("devices-only", "no RAM blocks"),
    ],
)
def test_destination_that_is_not_known(name: str, says: str, fixtures: Fixtures, run: Run) -> None:
    """A snapshot that does not name all devices would have them missing."""
    path, other = fixtures["pc"].path, fixtures[name].path
    outcome = run("check", path, "--destination", other)
    assert (outcome.status, outcome.out) == (1, "")
    assert str(other) in outcome.err
    assert says in outcome.err


@pytest.mark.parametrize("name", ["no-vmdesc", "no-footers"])
def test_destination_that_lacks_a_part(name: str, fixtures: Fixtures, run: Run) -> None:
    """Of footers and description, one tells where each device ends."""
    path = fixtures[name].path
    assert run("check", path, "--destination", path).status == 0


def test_destination_that_is_no_snapshot(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """63 would say so of the file."""
    text = tmp_path / "text"
    text.write_text("not a snapshot\n")
    outcome = run("check", fixtures["pc"].path, "--destination", text)
    assert (outcome.status, outcome.out) == (1, "")
    assert "not a QEMU migration stream" in outcome.err


def test_raw_libvirt_image(place: Place, run: Run) -> None:
    """The stream in it is judged as any other."""
    path = place.samples["raw"].path
    assert run("check", path, "--qemu", NEWEST).status == 0
    assert run("check", path, "--destination", place.fixtures["q35"].path).status == 2


@pytest.mark.parametrize("name", ["gzip", "xz"])
@pytest.mark.parametrize("option", ["--qemu", "--destination"])
def test_compressed_libvirt_images(name: str, option: str, place: Place, run: Run) -> None:
    path = place.samples[name].path
    value = NEWEST if option == "--qemu" else place.fixtures["pc"].path
    assert run("check", path).status == 0
    outcome = run("check", path, option, value)
    assert (outcome.status, outcome.out) == (1, "")
    assert " is not modelled: the stream is compressed" in outcome.err
    assert check(path).qemu == {}


def test_a_cut_stream_without_mapped_ram(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Nothing about mapped-ram is said of it, however little of it is left."""
    cut = copy_sparse(fixtures["plain"].path, tmp_path / "cut")
    os.truncate(cut, cut.stat().st_size // 2)
    report = check(cut)
    assert report.verdict == "corrupt"
    assert {verdict.outcome for verdict in report.qemu.values()} == {"refuses"}
    assert not any("mapped-ram" in (verdict.message or "") for verdict in report.qemu.values())
    assert run("check", cut, "--qemu", NEWEST).status == 2


def test_refused_in_every_form(fixtures: Fixtures, run: Run) -> None:
    command = on("check", fixtures["devices-only"], "--qemu", NEWEST, "--output")
    (entry,) = run(*command, "json").json
    assert entry["asked"] == {"qemu": NEWEST, "destination": False}
    assert (entry["verdict"], f"QEMU {NEWEST} on this file" in entry["error"]) == (None, True)
    (document,) = run(*command, "sarif").json["runs"]
    assert document["invocations"][0]["executionSuccessful"] is False
    (suite,) = ET.fromstring(run(*command, "junit").out)
    assert suite.get("errors") == "1"


def test_a_destination_is_not_ignored_for_compressed_pages(fixtures: Fixtures, run: Run) -> None:
    """They are loaded up to 9.0, by the machine that they are of."""
    command = on("check", fixtures["compress"])
    assert run(*command, "--qemu", NEWEST).status == 2
    assert run(*command, "--destination", str(fixtures["pc"].path)).status == 2


def test_what_is_not_followed_stays_so(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    text = tmp_path / "text"
    text.write_text("not a snapshot\n")
    for options in ((), ("--qemu", NEWEST), ("--destination", fixtures["pc"].path)):
        assert run("check", text, *options).status == 63


def test_a_device_that_no_qemu_has(fixtures: Fixtures, tmp_path: Path) -> None:
    """Another build may have it: only where a release is named, the file is not loaded."""
    draft = Draft(fixtures["no-dirty-bitmap"], tmp_path)
    start = draft.section(SectionType.START, "dirty-bitmap")
    data = draft.read(start.offset, start.length)
    length, name = len("dirty-bitmap"), b"other-device"
    draft.write(
        start.offset, data.replace(bytes([length]) + b"dirty-bitmap", bytes([length]) + name)
    )
    report = check(draft.path)
    assert (report.verdict, report.findings) == ("clean", ())
    assert {v.because for v in report.qemu.values()} == {("MR060",), ("MR065",)}
    named = check(draft.path, release=NEWEST)
    assert (named.verdict, [f.code for f in named.findings]) == ("corrupt", ["MR061"])


# What is expected.


def test_the_size_that_a_cut_file_would_need(fixtures: Fixtures, tmp_path: Path) -> None:
    """With that size, the same place is no longer to blame."""
    cut = copy_sparse(fixtures["pc"].path, tmp_path / "cut")
    os.truncate(cut, 5_000_000)
    (finding,) = (f for f in check(cut).findings if f.code == "MR002")
    assert finding.path.endswith("/mapped_ram/pages_offset")
    assert finding.actual == "0x4c4b40 bytes"
    needed = re.fullmatch(r"a file of at least (0x[0-9a-f]+) bytes", finding.expected or "")
    assert needed
    os.truncate(cut, int(needed[1], 16) - 1)
    assert finding.path in {f.path for f in check(cut).findings}
    os.truncate(cut, int(needed[1], 16))
    assert finding.path not in {f.path for f in check(cut).findings}


@pytest.mark.parametrize("name", ["pages_offset", "bitmap_offset"])
@pytest.mark.parametrize("value", [1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_no_file_has_more_bytes_than_an_offset_says(
    name: str, value: int, fixtures: Fixtures, tmp_path: Path
) -> None:
    draft = Draft(fixtures["none"], tmp_path)
    draft.set("/ram/blocks[0]", f"mapped_ram/{name}", value)
    told = [f.expected for f in check(draft.path).findings if f.path.endswith(f"/{name}")]
    sizes = [int(number, 16) for text in told for number in re.findall("0x[0-9a-f]+", text or "")]
    assert sizes
    assert max(sizes) < 1 << 63


def test_copies_are_the_same(fixtures: Fixtures, tmp_path: Path) -> None:
    """The report does not depend on the name of the file."""
    copy = copy_sparse(fixtures["ignore-shared"].path, tmp_path / "copy")
    here, there = check(copy), check(fixtures["ignore-shared"].path)
    assert (here.verdict, here.qemu) == (there.verdict, there.qemu)
