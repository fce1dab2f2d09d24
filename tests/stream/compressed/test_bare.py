"""Bare compressed streams: each is the stream in it, to every verb that reads."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

import mappedram
from mappedram import TruncatedError, UnsupportedError
from mappedram.check import check
from mappedram.format.libvirt import SaveFormat
from mappedram.io.opening import open_source
from mappedram.stream.compressed import default_limit, detect_compressed
from mappedram.stream.libvirt import open_any
from tests.cli.conftest import Run, run
from tests.conftest import Fixtures
from tests.stream.libvirt.test_stream import COMPRESS

__all__ = ["run"]


def packed(fixtures: Fixtures, folder: Path, name: str, kind: str) -> Path:
    path = folder / f"{name}.{kind}"
    path.write_bytes(COMPRESS[kind](fixtures[name].path.read_bytes()))
    return path


@pytest.mark.parametrize("kind", COMPRESS)
def test_each_way_to_compress(kind: str, fixtures: Fixtures, tmp_path: Path) -> None:
    path = packed(fixtures, tmp_path, "plain", kind)
    with open_source(path) as source:
        found = detect_compressed(source)
        assert found is not None
        assert found.payload == SaveFormat[kind.upper()]
    with open_any(path) as (snapshot, image), mappedram.open(fixtures["plain"].path) as original:
        assert image is None
        assert snapshot.source.compression == kind
        assert snapshot.stream.sections == original.stream.sections
        for block in original.blocks:
            memory = block.read(0, block.used_length)
            assert snapshot.block[block.idstr].read(0, block.used_length) == memory


@pytest.mark.parametrize("name", ["pc", "plain"])
def test_verbs_say_the_same(name: str, fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path, original = packed(fixtures, tmp_path, name, "gzip"), fixtures[name].path
    for args in (
        ["layout"],
        ["map"],
        ["state"],
        ["search", "RAM0"],
        ["dump", "--gpa", "0,4K"],
    ):
        assert run(*args, path) == run(*args, original), args
    assert run("diff", path, original) == (0, "", "")
    for at in (path, original):
        assert run("convert", "-O", "elf", at, tmp_path / f"{at.name}.core").status == 0
        assert run("extract", "-b", "pc.ram", at, "-o", tmp_path / f"{at.name}.raw").status == 0
    for kind in ("core", "raw"):
        assert (tmp_path / f"{path.name}.{kind}").read_bytes() == (
            tmp_path / f"{original.name}.{kind}"
        ).read_bytes()


def test_info_names_the_compression(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path = packed(fixtures, tmp_path, "plain", "xz")
    out = run("info", path).out
    assert "container     xz\ndecompressed  for what follows" in out
    document = run("info", "--output", "json", path).json
    assert (document["container"], document["libvirt"]) == ("xz", None)
    assert run("info", "--output", "json", fixtures["plain"].path).json["container"] == "none"


def test_the_hint_unpacks_it_first(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path = packed(fixtures, tmp_path, "pc", "gzip")
    found = run("restore-hint", "--output", "json", path).json
    assert found["virsh"] is None
    command = found["unpack"]
    assert command[:4] == ["mappedram", "convert", "-O", "mapped-ram"]
    assert run(*command[1:]).status == 0
    assert run("diff", command[-1], fixtures["pc"].path).status == 0


def test_check(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path = packed(fixtures, tmp_path, "plain", "gzip")
    report = check(path)
    plain = check(fixtures["plain"].path)
    assert [f.code for f in report.findings] == [f.code for f in plain.findings]
    assert all(finding.decompressed for finding in report.findings)
    assert report.qemu == {}
    assert "(decompressed)" in run("check", path).out
    assert run("check", "--rebuild", path).status == 0


def test_one_behind_other_bytes(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "behind"
    path.write_bytes(bytes(4711) + gzip.compress(fixtures["plain"].path.read_bytes()))
    assert run("info", "--offset", "4711", path).status == 0
    assert run("info", path).status == 63


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            gzip.compress(b"#!/bin/sh\n", mtime=0),
            "gzip, and what is compressed begins with b'#!/b'",
        ),
        (gzip.compress(b"", mtime=0), "gzip, and what is compressed begins with b''"),
        (bz2.compress(b"QEV"), "bzip2, and what is compressed begins with b'QEV'"),
        (lzma.compress(b"LibvirtQemudSave"), "xz, and what is compressed begins with b'Libv'"),
        (b"\x1f\x8b", "gzip, is truncated"),
        (b"\x1f\x8b" + bytes(100), "gzip, is damaged"),
        (b"BZh", "bzip2, is truncated"),
        (b"BZhello, all of you", "bzip2, is damaged"),
    ],
)
def test_what_is_no_stream(data: bytes, words: str, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "other"
    path.write_bytes(data)
    with open_source(path) as source, pytest.raises(UnsupportedError, match=words):
        detect_compressed(source)
    outcome = run("info", path)
    assert (outcome.status, outcome.out) == (63, "")
    assert words in outcome.err
    assert run("check", path).status == 63


@pytest.mark.parametrize("kind", ["gzip", "xz", "zstd"])
def test_one_that_is_cut_off(kind: str, fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    whole = packed(fixtures, tmp_path, "plain", kind)
    path = tmp_path / "cut"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(TruncatedError, match=kind), open_any(path, partial=True):
        pass
    damages: list[object] = []
    with open_any(path, partial=True, on_damage=damages.append) as (snapshot, _):
        assert snapshot.stream.stopped
    assert len(damages) == 1
    report = check(path)
    assert report.verdict == "corrupt"
    cut = [one for one in report.findings if not one.decompressed]
    assert [(one.code, one.offset, one.path) for one in cut] == [
        ("MR002", path.stat().st_size, "/compressed")
    ]
    assert run("info", path).status == 1


def test_one_that_is_damaged(fixtures: Fixtures, tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(fixtures["plain"].path.read_bytes()))
    whole[len(whole) // 2] ^= 0xFF
    path = tmp_path / "damaged"
    path.write_bytes(whole)
    report = check(path)
    assert report.verdict == "corrupt"
    assert ("MR001", "/compressed") in [(one.code, one.path) for one in report.findings]


def test_the_limit(fixtures: Fixtures, tmp_path: Path) -> None:
    path = packed(fixtures, tmp_path, "plain", "gzip")
    with open_source(path) as source:
        found = detect_compressed(source)
        assert found is not None
        assert default_limit(found) == 1 << 30
    with pytest.raises(UnsupportedError, match="more than 0x1000"), open_any(path, limit=4096):
        pass


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["repair", "{}", "{}.out"], "cannot be repaired in place"),
        (["metadump", "{}", "{}.out"], "no part of it can be left out"),
    ],
)
def test_what_needs_the_file_as_it_is(
    args: list[str], words: str, fixtures: Fixtures, tmp_path: Path, run: Run
) -> None:
    path = packed(fixtures, tmp_path, "pc", "gzip")
    outcome = run(*(arg.format(path) for arg in args))
    assert outcome.status == 63
    assert words in outcome.err
    assert "`mappedram convert -O mapped-ram` first" in outcome.err
    assert not path.with_name(f"{path.name}.out").exists()


def test_nothing_is_decompressed_that_is_not(fixtures: Fixtures) -> None:
    for name in ("pc", "plain"):
        with open_source(fixtures[name].path) as source:
            assert detect_compressed(source) is None
