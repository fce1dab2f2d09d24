"""What `check` says of whole files: sound ones, cut ones, hostile ones, and no snapshots at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappedram import CheckFailedError
from mappedram.check import RULES, Report, Verdict, check, check_snapshot
from mappedram.format.constants import SectionType
from mappedram.stream.snapshot import open_snapshot
from tests.check.draft import Draft
from tests.conftest import Fixture, Fixtures, manifest

#: Fixtures that something is to be said of; all others are clean, without a finding.
VERDICTS: dict[str, tuple[Verdict, list[str]]] = {
    "avr-plain": ("clean", ["MR012"]),
    "background-snapshot": ("corrupt", ["MR304", "MR003"]),
    "compress": ("clean", ["MR012", "MR017"]),
    "background-snapshot-plain": ("clean", ["MR012", "MR018"]),
    "devices-only": ("clean", ["MR019", "MR041"]),
    "ignore-shared-failed": ("corrupt", ["MR304", "MR002"]),
    "killed": ("corrupt", ["MR304", "MR002"]),
    "live": ("clean", ["MR303"]),
    "no-configuration": ("clean", ["MR007", "MR041"]),
    "no-footers-no-vmdesc": ("harmless", ["MR020"]),
    "no-vmdesc": ("clean", ["MR041"]),
    "plain": ("clean", ["MR012"]),
}
STATUS = {"clean": 0, "corrupt": 2, "harmless": 3, "unsupported": 63}


@pytest.mark.parametrize("name", sorted(manifest()))
def test_verdict(fixtures: Fixtures, name: str) -> None:
    fixture = fixtures[name]
    report = check(fixture.path, fixture.offset)
    verdict, codes = VERDICTS.get(name, ("clean", []))
    assert report.verdict == verdict, report.findings
    assert [finding.code for finding in report.findings] == codes
    assert report.exit_status == STATUS[verdict]


def test_there_are_sound_fixtures() -> None:
    assert len(manifest().keys() - VERDICTS.keys()) >= 10


def test_harmless(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["none"], tmp_path)
    draft.write(draft.size, b"x")
    report = check(draft.path)
    assert (report.verdict, report.exit_status) == ("harmless", 3)


def test_copy_without_holes(fixtures: Fixtures, tmp_path: Path) -> None:
    """Zeros that take space are as good as holes, and no stale pages."""
    copy = tmp_path / "copy"
    copy.write_bytes(fixtures["pc"].path.read_bytes())
    assert check(copy).findings == ()


def test_report_as_a_document(fixtures: Fixtures) -> None:
    fixture = fixtures["no-vmdesc"]
    report = check(fixture.path)
    assert report.to_dict() == {
        "file": str(fixture.path),
        "verdict": "clean",
        "machine": "pc-i440fx-10.0",
        "findings": [
            {
                "code": "MR041",
                "name": "vmdescription-missing",
                "severity": "info",
                "message": "the stream ends at 0x1604270 without a JSON description",
                "offset": 0x1604270,
                "length": 0,
                "path": "/vmdescription",
                "expected": "0x06",
                "actual": None,
                "decompressed": False,
                "remedy": "None needed: QEMU loads it without; for a description, save without"
                " `suppress-vmdesc=on`.",
            }
        ],
        "qemu": {release: verdict.to_dict() for release, verdict in report.qemu.items()},
        "asked": {"qemu": None, "destination": False},
        "not_judged": [],
    }


def test_descriptor_stays_open(fixtures: Fixtures) -> None:
    with fixtures["none"].path.open("rb") as file:
        report = check(file.fileno())
        assert report.file == f"<fd {file.fileno()}>"
        assert file.read(4) is not None


def test_strict(fixtures: Fixtures, tmp_path: Path) -> None:
    assert check(fixtures["no-vmdesc"].path, strict=True).verdict == "clean"
    with pytest.raises(CheckFailedError) as raised:
        check(fixtures["killed"].path, strict=True)
    assert raised.value.findings == check(fixtures["killed"].path).findings
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"\x7fELF")
    with pytest.raises(CheckFailedError):
        check(nothing, strict=True)


def test_other_driver(fixtures: Fixtures) -> None:
    fixture = fixtures["killed"]
    with open_snapshot(fixture.path, driver="kaitai", partial=True) as snapshot:
        assert check_snapshot(snapshot).findings == check(fixture.path).findings


@pytest.mark.parametrize(
    ("data", "verdict", "code"),
    [
        (b"", "unsupported", "MR004"),
        (b"\x7fELF", "unsupported", "MR004"),
        (b"QEVM\0\0\0\2", "unsupported", "MR004"),
        (b"QEVM\0\0", "corrupt", "MR002"),
        (b"QEVM\0\0\0\3\x42", "corrupt", "MR001"),
    ],
    ids=repr,
)
def test_hardly_a_stream(tmp_path: Path, data: bytes, verdict: Verdict, code: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    report = check(path)
    assert (report.verdict, [finding.code for finding in report.findings]) == (verdict, [code])


def test_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert check(tmp_path / "pipe").verdict == "unsupported"


def test_errors_of_the_system_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError):
        check(tmp_path)


def test_findings_are_in_order(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    draft.set_in("pc.bios", "mapped_ram/version", 0)
    draft.set_in("pc.ram", "mapped_ram/version", 0)
    draft.write(draft.size, b"x")
    findings = check(draft.path).findings
    assert [finding.code for finding in findings] == ["MR206", "MR206", "MR043"]
    assert [finding.offset for finding in findings] == sorted(
        finding.offset or 0 for finding in findings
    )


# Hostile files.


@pytest.fixture(scope="module")
def small(fixtures: Fixtures) -> Fixture:
    return fixtures["none"]


HOSTILE = {
    "used_length": (2**63, 2**64 - 1, 2**40),
    "mapped_ram/page_size": (0, 1, 2, 2**63, 2**64 - 1, 1 << 17),
    "mapped_ram/bitmap_offset": (0, 1, 2**63, 2**64 - 1, 2**24),
    "mapped_ram/pages_offset": (0, 1, 2**63, 2**64 - 1, 0x80, 2**24),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in HOSTILE.items() for value in values]
)
def test_hostile_header(small: Fixture, tmp_path: Path, name: str, value: int) -> None:
    draft = Draft(small, tmp_path)
    offset, length = draft.field("/ram/blocks[0]", name)
    draft.write(offset, value.to_bytes(length, "big"))
    report = check(draft.path)
    assert report.verdict == "corrupt"
    assert_printable(report)


def test_bitmap_larger_than_memory(small: Fixture, tmp_path: Path) -> None:
    """A sparse file of some TiB takes no space, and claims a bitmap that nobody can hold."""
    draft = Draft(small, tmp_path)
    used_length = 12 << 40
    start = draft.section(SectionType.START)
    block = draft.block("ram")
    rest = draft.read(block.next_offset, draft.size)
    pages_offset = 2 << 30
    draft.set(f"{start.path}/mem_size", "total_and_flags", used_length | 4)
    for name, value in {
        "mapped_ram/page_size": 1024,
        "mapped_ram/pages_offset": pages_offset,
        "used_length": used_length,
    }.items():
        offset, length = draft.field("/ram/blocks[0]", name)
        draft.write(offset, value.to_bytes(length, "big"))
    draft.resize(pages_offset)  # and with it what stood there
    draft.write(pages_offset + used_length, rest)
    codes = {finding.code for finding in check(draft.path).findings}
    # The description still says 4096; and QEMU would have put the pages elsewhere.
    assert codes == {"MR004", "MR205", "MR211"}


def test_many_unknown_capabilities(tmp_path: Path) -> None:
    names = b"".join(b"\x03c%02x" % number for number in range(255))
    path = tmp_path / "file"
    path.write_bytes(
        bytes.fromhex("5145564d 00000003 07 00000001 78 05 1a")
        + b"configuration/capabilities"
        + bytes.fromhex("00000001 000000ff")
        + names
    )
    findings = check(path).findings
    assert [finding.code for finding in findings] == ["MR008"] * 255 + ["MR002"]


def test_thousands_of_sections(small: Fixture, tmp_path: Path) -> None:
    draft = Draft(small, tmp_path)
    part = draft.section(SectionType.PART)
    draft.insert(part.end, draft.read(part.offset, part.length) * 2000)
    assert check(draft.path).verdict == "clean"


def test_thousands_of_blocks_in_one_place(small: Fixture, tmp_path: Path) -> None:
    """Page areas that all lie over each other are read not once, let alone a thousand times."""
    draft = Draft(small, tmp_path)
    block = draft.block("ram")
    count, name = 1000, "b{:04}"
    length = 5 + 1 + 8 + 28
    headers = []
    for number in range(count):
        end = block.next_offset + (number + 1) * length
        pages_offset = end % 4096 + 4096
        words = [(end - pages_offset, 8), (1, 4), (4096, 8), (end, 8), (pages_offset, 8)]
        idstr = name.format(number).encode()
        headers.append(
            bytes([len(idstr)])
            + idstr
            + b"".join(value.to_bytes(size, "big") for value, size in words)
        )
    draft.insert(block.next_offset, b"".join(headers))
    report = check(draft.path)
    assert {"MR401", "MR102"} <= {finding.code for finding in report.findings}
    assert len(report.findings) < 10 * count


def assert_printable(report: Report) -> None:
    for finding in report.findings:
        assert finding.code in RULES
        assert finding.message.isprintable()
        assert (finding.expected or "").isprintable()
        assert (finding.actual or "").isprintable()


@given(data=st.data())
def test_any_cut_gives_a_report(
    fixtures: Fixtures, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    fixture = fixtures[data.draw(st.sampled_from(["none", "arm-1k", "pc"]))]
    with open_snapshot(fixture.path) as snapshot:
        edges = [region.offset for region in snapshot.regions()]
    edge = data.draw(st.sampled_from(edges))
    size = data.draw(st.integers(0, fixture.path.stat().st_size - 1) | st.integers(edge, edge + 40))
    draft = Draft(fixture, tmp_path_factory.mktemp("cut"))
    draft.resize(min(size, draft.size - 1))
    report = check(draft.path)
    assert report.verdict in (("unsupported",) if size < 4 else ("corrupt", "harmless", "clean"))
    assert_printable(report)


@given(junk=st.binary(max_size=200), headed=st.booleans())
def test_any_bytes_give_a_report(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, headed: bool
) -> None:
    path = tmp_path_factory.mktemp("junk") / "file"
    path.write_bytes(b"QEVM\0\0\0\3" * headed + junk)
    report = check(path)
    assert report.verdict != "clean"
    assert_printable(report)


@given(data=st.data())
def test_any_changed_byte_gives_a_report(
    fixtures: Fixtures, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A changed byte in a structure never stops the check, nor divides the drivers."""
    fixture = fixtures[data.draw(st.sampled_from(["none", "arm-1k", "uuid"]))]
    with open_snapshot(fixture.path) as snapshot:
        element = data.draw(st.sampled_from(snapshot.stream.elements))
    draft = Draft(fixture, tmp_path_factory.mktemp("changed"))
    offset = element.offset + data.draw(st.integers(0, element.length - 1))
    draft.write(offset, bytes([data.draw(st.integers(0, 255))]))
    report = check(draft.path)
    assert_printable(report)
    assert "MR005" not in {finding.code for finding in report.findings}


def test_import_does_not_load_numpy() -> None:
    script = "import mappedram.check, sys; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
