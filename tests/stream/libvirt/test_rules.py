"""Every rule about save images fires on one image, and is silent on its neighbour."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mappedram.check import Finding, check
from mappedram.check.registry import RULES
from tests.files import copy_sparse, patch
from tests.stream.libvirt.samples import COMPRESSED, NAMES, Samples, skip_without_decompressor

#: Changes an image, and returns the offset of the finding.
Change = Callable[[Path], int]


@dataclass(frozen=True)
class Case:
    """A change that makes `code` fire; `also` fires with it unavoidably."""

    code: str
    sample: str
    change: Change
    also: frozenset[str] = frozenset()


CASES: list[Case] = []


def case(code: str, sample: str, *also: str) -> Callable[[Change], Change]:
    def register(change: Change) -> Change:
        CASES.append(Case(code, sample, change, frozenset(also)))
        return change

    return register


def number(path: Path, offset: int, value: int) -> int:
    """Set another number in the header; return its offset."""
    patch(path, offset, value.to_bytes(4, "little"))
    return offset


def header(path: Path, offset: int) -> int:
    return int.from_bytes(path.read_bytes()[offset : offset + 4], "little")


@case("MR501", "sparse")
def part_magic(path: Path) -> int:
    patch(path, 0, b"LibvirtQemudPart")
    return 0


@case("MR502", "interrupted", "MR002", "MR304")  # the stream has no end and no bitmaps either
def interrupted(_: Path) -> int:
    return 0


@case("MR503", "mislabelled")
def mislabelled(_: Path) -> int:
    return 28


@case("MR503", "sparse")
def sparse_says_raw(path: Path) -> int:
    return number(path, 28, 0)


@case("MR503", "sparse")
def sparse_says_gzip(path: Path) -> int:
    return number(path, 28, 1)


@case("MR503", "sparse")
def no_such_format(path: Path) -> int:
    return number(path, 28, 7)


@case("MR504", "sparse")
def version_1(path: Path) -> int:
    return number(path, 16, 1)


@case("MR505", "sparse", "MR507")  # the rest of the text is stray
def no_text(path: Path) -> int:
    patch(path, 92, b"\0")
    return 92


@case("MR505", "sparse")
def not_a_domain(path: Path) -> int:
    patch(path, 92, b"<dommain")
    return 92


@case("MR505", "sparse", "MR507")  # the rest of the cookie
def text_runs_into_the_cookie(path: Path) -> int:
    offset = 92 + header(path, 32)
    number(path, 32, header(path, 32) - 1)
    patch(path, offset - 1, b"\0")
    patch(path, offset - 2, b"x")
    return 92


@case("MR506", "sparse", "MR507")  # and the cookie that nobody points to
def cookie_outside(path: Path) -> int:
    return number(path, 32, header(path, 20))


@case("MR506", "sparse")
def cookie_without_end(path: Path) -> int:
    offset, end = 92 + header(path, 32), 92 + header(path, 20)
    patch(path, offset, b"x" * (end - offset))
    return offset


@case("MR507", "sparse")
def unused_used(path: Path) -> int:
    patch(path, 91, b"\1")
    return 91


@case("MR507", "sparse-edited")
def byte_before_the_stream(path: Path) -> int:
    offset = 91 + header(path, 20)
    patch(path, offset, b"\1")
    return offset


@case("MR508", "swapped")
def header_of_another_host(_: Path) -> int:
    return 16


@case("MR509", "sparse", "MR004")
def cut_in_the_slack(path: Path) -> int:
    os.truncate(path, 91 + header(path, 20))
    return 20


@case("MR510", "xz")
def cut_in_the_compressed_stream(path: Path) -> int:
    os.truncate(path, path.stat().st_size // 10 * 9)
    return path.stat().st_size


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.change.__name__}")
def test_fires_on_the_changed_image(case: Case, samples: Samples, tmp_path: Path) -> None:
    path = copy_sparse(samples[case.sample].path, tmp_path / "image")
    offset = case.change(path)
    findings = check(path).findings
    assert codes(findings, case.sample) == {case.code} | case.also
    assert next(entry for entry in findings if entry.code == case.code).offset == offset


def codes(findings: Iterable[Finding], sample: str) -> set[str]:
    """All codes; for a stream without mapped-ram, only those about the image."""
    plain = sample in ("raw", "mislabelled", *COMPRESSED)
    return {entry.code for entry in findings if entry.code.startswith("MR5") or not plain}


#: Known findings in the samples.
KNOWN = {
    "interrupted": {"MR002", "MR304", "MR502"},
    "mislabelled": {"MR503"},
    "swapped": {"MR508"},
}


@pytest.mark.parametrize("name", NAMES)
def test_samples(samples: Samples, name: str) -> None:
    skip_without_decompressor(name)
    report = check(samples[name].path)
    assert codes(report.findings, name) == KNOWN.get(name, set())
    assert report.file == str(samples[name].path)


def test_every_rule_has_a_case() -> None:
    assert {case.code for case in CASES} == {code for code in RULES if code.startswith("MR5")}


@pytest.mark.parametrize("length", [50, 92, 300, 1500, 66_700, 70_000, 1 << 20, 22 << 20])
def test_cut_tail(samples: Samples, tmp_path: Path, length: int) -> None:
    """No cut goes unnoticed, wherever it is."""
    path = copy_sparse(samples["sparse"].path, tmp_path / "image")
    os.truncate(path, length)
    assert check(path).verdict == "corrupt"


def test_cut_in_the_description(samples: Samples, tmp_path: Path) -> None:
    """QEMU loads it, because it does not read the text."""
    path = copy_sparse(samples["sparse"].path, tmp_path / "image")
    os.truncate(path, path.stat().st_size - 1000)
    report = check(path)
    assert [finding.code for finding in report.findings] == ["MR042"]
    assert report.verdict == "harmless"
