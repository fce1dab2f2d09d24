"""Where a load ends: findings that no rule about the file explains name the field."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import mappedram
from mappedram.check import RULES, Report, check
from mappedram.check.reports import junit, sarif
from mappedram.format.constants import SectionType
from mappedram.io.memory_source import MemorySource
from mappedram.io.opening import open_source
from mappedram.qemu.loader import Destination, LocalBlock, Verdict, verdicts
from mappedram.qemu.loader.qemu_file import QemuFile
from tests.check.draft import Draft
from tests.cli.conftest import Run, run
from tests.conftest import Fixtures
from tests.files import field_place
from tests.qemu.loader import plain_cases
from tests.qemu.loader.plain_stream import CONTINUE, PAGE, PlainStream

__all__ = ["run"]  # a fixture of the tests of the command line

RAM = "/ram/blocks[0]"
HEADER = f"{RAM}/mapped_ram"
NEWEST = "11.1.3"


def destination_of(path: Path, offset: int = 0) -> Destination:
    with mappedram.open(path, offset) as snapshot:
        return Destination.of(snapshot)


def loaded(draft: Draft, destination: Destination, release: str = NEWEST) -> Verdict:
    with open_source(draft.path) as source:
        return verdicts(source, draft.base, destination)[release]


# One field is changed, and the load ends there.


@dataclass(frozen=True)
class Case:
    """A field that the loader of the machine that wrote the file refuses.

    Attributes:
        element: path of its structure in the file as it was.
        name: of the field.
        bad: what it is refused for.
        release: whose loader it is.
    """

    element: str
    name: str
    bad: int | bytes
    release: str = NEWEST


FIELDS = [
    Case("/header", "magic", b"QEVN"),
    Case("/header", "version", 4),
    Case("/configuration/header", "len_name", 0xFFFFFFF0, "11.0"),
    Case("/configuration/header", "name", b"nine"),
    Case("/configuration/subsections[0]", "idstr", b"configuration/capabilitiez"),
    Case("/configuration/subsections[0]", "version_id", 2),
    Case("/configuration/subsections[0]", "body/caps_count", 0xF0000000, "11.0"),
    Case("/configuration/subsections[0]", "body/capabilities[0]/name", b"mapped-rom"),
    Case("/sections[0]/header", "version_id", 5),
    Case("/sections[0]/header", "instance_id", 1),
    Case(RAM, "idstr", b"rom"),
    Case(RAM, "mapped_ram/version", 2),
    Case(RAM, "mapped_ram/page_size", 0x2000),
    Case(RAM, "mapped_ram/bitmap_offset", 1 << 62),
    Case(RAM, "mapped_ram/pages_offset", 0x100001),
    Case("/sections[1]/header", "section_id", 77),
    Case("/sections[3]/header", "section_type", 9),
    Case("/sections[4]/header", "idstr", b"times"),
    Case("/sections[4]/header", "instance_id", 3),
    Case("/sections[4]/header", "version_id", 3),
    Case("/sections[4]/footer", "section_type", 0x7F),
    Case("/sections[4]/footer", "section_id", 1),
]


@pytest.mark.parametrize("case", FIELDS, ids=lambda case: f"{case.element}/{case.name}")
def test_field_that_is_to_blame(case: Case, fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["none"], tmp_path)
    destination = destination_of(draft.path, draft.base)
    offset, length = draft.field(case.element, case.name)
    draft.write(offset, as_bytes(case.bad, length))
    found = loaded(draft, destination, case.release)
    assert (found.outcome in ("refuses", "crashes"), found.offset) == (True, offset)
    unchanged = loaded(Draft(fixtures["none"], tmp_path), destination, case.release)
    assert (unchanged.outcome, unchanged.offset) == ("loads", None)


def test_releases_can_stop_at_different_fields(fixtures: Fixtures, tmp_path: Path) -> None:
    """Of 2 GiB and more, one dies of setting memory aside; another reads, and the file ends."""
    draft = Draft(fixtures["none"], tmp_path)
    length_at = draft.set("/configuration/header", "len_name", 0xFFFFFFF0)
    destination = destination_of(fixtures["none"].path)
    assert loaded(draft, destination, "11.0").offset == length_at
    assert loaded(draft, destination, NEWEST).offset == length_at + 4


def as_bytes(value: int | bytes, length: int) -> bytes:
    data = value.to_bytes(length, "big") if isinstance(value, int) else value
    assert len(data) == length
    return data


# What is elsewhere than what was read last.


def test_block_that_the_destination_lacks(fixtures: Fixtures) -> None:
    path = fixtures["memory-backend"].path
    report = check(path, destination=destination_of(fixtures["numa2"].path))
    (finding,) = report.findings
    assert (finding.code, finding.path) == ("MR064", f"{RAM}/idstr")
    with mappedram.open(path) as snapshot:
        assert (finding.offset, finding.length) == field_place(snapshot, f"{RAM}/idstr")
    assert check(path, destination=destination_of(path)).findings == ()


@pytest.mark.parametrize(("page", "outcome"), [(1, "refuses"), (0, "loads")])
def test_page_that_the_block_there_has_not(
    page: int, outcome: str, fixtures: Fixtures, tmp_path: Path
) -> None:
    """The byte of the bitmap is named whose bit it is, wherever in the bitmap that is."""
    draft = Draft(fixtures["pc"], tmp_path)
    whole = destination_of(draft.path)
    block = draft.block("pc.bios")
    assert block.bitmap_offset is not None
    assert whole.blocks is not None
    draft.write(block.bitmap_offset, bytes(block.bitmap_size))
    draft.write(block.bitmap_offset + page, b"\x80")
    short = {**whole.blocks, block.idstr: LocalBlock.like(block.idstr, 8 * PAGE)}
    report = check(draft.path, destination=replace(whole, blocks=short))
    assert report.qemu[NEWEST].outcome == outcome
    place = (block.bitmap_offset + page, f"{block.path}/bitmap")
    expected = [place] if outcome == "refuses" else []
    assert [(f.offset, f.path) for f in report.findings if f.code == "MR064"] == expected


def test_capability_that_the_destination_has_not(fixtures: Fixtures) -> None:
    """Where the file says it, or where it would say it."""
    path = fixtures["none"].path
    destination = destination_of(path)
    subsection = "/configuration/subsections[0]/body"
    for capabilities, name in (
        (frozenset({"x-ignore-shared", "mapped-ram"}), f"{subsection}/caps_count"),
        (frozenset[str](), f"{subsection}/capabilities[0]/name"),
    ):
        with mappedram.open(path) as snapshot:
            found = verdicts(snapshot, destination=replace(destination, capabilities=capabilities))
            assert found[NEWEST].offset == field_place(snapshot, name)[0]


def test_machine_type_that_a_release_has_not(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["pc"].path) as snapshot:
        found = verdicts(snapshot)
        assert found["9.0"].because == ("MR060",)
        assert found["9.0"].offset == field_place(snapshot, "/configuration/header/name")[0]
        assert found["10.0"].offset is None


def test_another_machine_type(fixtures: Fixtures) -> None:
    """It is compared last of all in the configuration, and is to blame nevertheless."""
    report = check(fixtures["pc"].path, destination=destination_of(fixtures["q35"].path))
    (finding,) = report.findings
    assert (finding.code, finding.path) == ("MR063", "/configuration/header/name")


def test_payload_that_is_cut(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["none"], tmp_path)
    destination = destination_of(draft.path)
    section = draft.section(SectionType.FULL, "globalstate")
    draft.resize(section.payload_offset + 50)
    assert loaded(draft, destination).offset == section.payload_offset
    draft.resize(section.payload_end)
    assert loaded(draft, destination).offset == section.payload_end  # the footer


def test_offset_of_a_stream_within_a_file(fixtures: Fixtures, tmp_path: Path) -> None:
    """Offsets count from the beginning of the file, whatever stands before the stream."""
    draft = Draft(fixtures["offset-unaligned"], tmp_path)
    assert draft.base
    destination = destination_of(draft.path, draft.base)
    offset = draft.set("/header", "version", 4)
    assert loaded(draft, destination).offset == offset == draft.base + 4


# Streams without mapped-ram.

#: A page that is zero.
RECORD = 1000


def spoilt(change: Callable[[PlainStream], int]) -> tuple[int, Verdict]:
    """What the loader says of a stream after a change, which says where it is in a record."""
    stream = plain_cases.good("none")
    record = stream.part.records[RECORD]
    delta = change(stream)
    return stream.offset_of(record) + delta, verdicts(bytes(stream))[NEWEST]


def _outside(stream: PlainStream) -> int:
    stream.part.records[RECORD].word += 1 << 40
    return 0


def _unknown_block(stream: PlainStream) -> int:
    record = stream.part.records[RECORD]
    record.word -= record.word & CONTINUE
    record.name = b"\3rom"
    return 9


def _fill(stream: PlainStream) -> int:
    assert stream.part.records[RECORD].body == b"\0"
    stream.part.records[RECORD].body = b"\7"
    return 8


@pytest.mark.parametrize("change", [_outside, _unknown_block, _fill])
def test_record_that_is_refused(change: Callable[[PlainStream], int]) -> None:
    offset, verdict = spoilt(change)
    assert (verdict.outcome, verdict.offset) == ("refuses", offset)
    assert spoilt(lambda _: 0)[1].offset is None


@pytest.mark.parametrize("left", [3, PAGE // 2])
def test_record_that_is_cut(left: int) -> None:
    """The record is named in which the file ends, if it is in its word or in its page."""
    stream = plain_cases.good("none")
    record = next(record for record in stream.part.records if len(record.body) == PAGE)
    offset = stream.offset_of(record)
    verdict = verdicts(bytes(stream)[: offset + left])[NEWEST]
    assert (verdict.outcome, verdict.offset) == ("refuses", offset)


# How it is shown.


def report_on_pc(fixtures: Fixtures) -> Report:
    return check(fixtures["pc"].path, destination=destination_of(fixtures["none"].path))


def test_in_every_form(fixtures: Fixtures, run: Run) -> None:
    path = fixtures["pc"].path
    command = ("check", path, "--destination", fixtures["none"].path)
    assert f"{path}:0xd: error MR063" in run(*command).out
    (entry,) = run(*command, "--output", "json").json
    (finding,) = entry["findings"]
    assert (finding["offset"], finding["length"]) == (13, len("pc-i440fx-10.0"))
    assert {verdict["offset"] for verdict in entry["qemu"].values()} == {13}
    report = report_on_pc(fixtures)
    document = json.loads(json.dumps(sarif.document([report], tuple(RULES.values())), default=list))
    (location,) = document["runs"][0]["results"][0]["locations"]
    assert location["physicalLocation"]["region"] == {"byteOffset": 13, "byteLength": 14}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "/configuration/header/name"}]
    root = ET.fromstring("".join(junit.pieces([report], tuple(RULES.values()))))
    (failure,) = root.iter("failure")
    assert (failure.text or "").startswith("0xd: ")


def test_on_the_page(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """The line of the finding leads to the structure."""
    draft = Draft(fixtures["none"], tmp_path)
    offset = draft.set("/configuration/header", "name", b"\x7fone")
    out = tmp_path / "page.html"
    assert run("layout", "--html", out, draft.path).status == 0
    text = out.read_text(encoding="utf-8")
    assert "MR061 not-loaded" in text
    assert f'">{offset:#x}</a> <code>/configuration/header/name</code>' in text


def test_equality_is_not_about_the_place() -> None:
    one = Verdict("refuses", ("MR001",), None, False, True, "read", offset=1)
    assert one == replace(one, offset=2)
    assert one.to_dict() != replace(one, offset=2).to_dict()


def test_what_was_looked_at_last() -> None:
    """A read of nothing, or after an error, does not move it."""
    with_six = QemuFile(MemorySource(b"abcdef"), 0)
    assert (with_six.number(2), with_six.field) == (0x6162, 0)
    assert (with_six.get(0), with_six.field) == (b"", 0)
    assert (with_six.peek(1, 1), with_six.field) == (b"d", 3)
    with_six.skip(1)
    assert (with_six.field, with_six.position) == (2, 3)
    assert (with_six.number(4), with_six.failed, with_six.field) == (0x64656600, True, 3)
    assert (with_six.number(4), with_six.field) == (0, 3)
