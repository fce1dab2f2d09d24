"""The remedies of rules about save images work on the images with such findings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mappedram.check import RULES, check
from mappedram.check.remedies import REMEDIES
from mappedram.cli.main import main
from tests.check.commands import repairs, try_remedies
from tests.files import copy_sparse
from tests.stream.libvirt.samples import Samples
from tests.stream.libvirt.test_rules import CASES, Case


def run(*words: object) -> int:
    return main([str(word) for word in words])


def broken(code: str, samples: Samples, folder: Path) -> Iterator[Path]:
    """Images with such a finding."""
    for number, case in enumerate(case for case in CASES if case.code == code):
        path = copy_sparse(samples[case.sample].path, folder / f"image-{number}")
        case.change(path)
        yield path


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.change.__name__}")
def test_what_is_proposed_helps(
    case: Case, samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = copy_sparse(samples[case.sample].path, tmp_path / "image")
    case.change(path)
    try_remedies(path, 0, tmp_path)
    for finding in check(path).findings:
        if any("{repair}" in text for text in REMEDIES[finding.code]):
            helps = repairs(path, 0, finding.code)
            assert helps == finding.remedy.startswith("Run `mappedram repair")


def is_without(code: str, path: Path) -> bool:
    return path.exists() and code not in {finding.code for finding in check(path).findings}


@pytest.mark.parametrize("code", [code for code in RULES if code >= "MR5"])
def test_a_repair_is_suggested_where_there_is_one(
    code: str, samples: Samples, tmp_path: Path
) -> None:
    outs = []
    for path in broken(code, samples, tmp_path):
        outs.append(path.with_suffix(".out"))
        run("repair", path, outs[-1])
    suggested = RULES[code].remedy.startswith("Run `mappedram repair`")
    assert any(is_without(code, out) for out in outs) is suggested


@pytest.mark.parametrize("code", ["MR503", "MR504", "MR505", "MR506", "MR507"])
def test_a_new_image_helps(code: str, samples: Samples, tmp_path: Path) -> None:
    assert "`mappedram convert -O libvirt-sparse" in RULES[code].remedy
    xml, cookie = tmp_path / "domain.xml", tmp_path / "cookie.xml"
    xml.write_text("<domain type='qemu'><name>guest</name></domain>")
    cookie.write_text("<qemu-cookie/>")
    options = {"MR505": ("--xml", xml), "MR506": ("--cookie", cookie)}.get(code, ())
    for path in broken(code, samples, tmp_path):
        out = path.with_suffix(".out")
        assert run("convert", "-O", "libvirt-sparse", *options, path, out) == 0
        assert is_without(code, out)
