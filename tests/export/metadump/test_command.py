"""`mappedram metadump` on the command line, and the other verbs on its output."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mappedram.check import check
from tests.cli.conftest import Run, on, process
from tests.conftest import Fixtures
from tests.files import extents
from tests.stream.libvirt.samples import Samples, skip_without_decompressor

KEYS = [
    "file",
    "result",
    "result_size",
    "size",
    "data_bytes",
    "kept_bytes",
    "page_bytes_left_out",
    "digests",
    "marks",
    "pages",
    "state",
    "names",
    "hidden_bytes",
    "devices",
    "verdict",
    "same_findings",
    "same_verdicts",
]


def test_live(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path, out = fixtures["live"].path, tmp_path / "out"
    outcome = run("metadump", path, out)
    assert (outcome.status, outcome.err) == (0, "")
    assert "for 22.1 MiB; `check` reports the same findings for both: clean" in outcome.out
    assert "8 marked as not zero" in outcome.out
    assert out.stat().st_size < 16 << 10
    before, after = run("check", path), run("check", out)
    assert after.status == before.status
    lines = [line for line in after.out.splitlines() if "MR303" in line and str(out) in line]
    assert [line.replace(str(out), str(path)) for line in lines] == [
        line for line in before.out.splitlines() if line in lines or "MR303 stale" in line
    ]


def test_json(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    document = run("metadump", "--output", "json", fixtures["pc"].path, tmp_path / "out").json
    assert list(document) == KEYS
    assert (document["verdict"], document["same_findings"], document["same_verdicts"]) == (
        "clean",
        True,
        True,
    )
    cpu = next(device for device in document["devices"] if device["idstr"] == "cpu")
    assert cpu["blanked"]["env.regs[]"] == 128
    assert document["page_bytes_left_out"] == 97 * 4096


def test_other_verbs(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path, out = fixtures["pc"].path, tmp_path / "out"
    assert run("metadump", path, out).status == 0
    info = run("info", "--output", "json", out).json
    told = info.pop("metadump")
    assert (told["pages"], told["state"], told["names"]) == ("none", "default", False)
    before = run("info", "--output", "json", path).json
    for document in (info, before):
        document.pop("file")
        document.pop("allocated_size")
        for block in document["blocks"]:
            unknown, reasons = block.pop("unknown_bytes"), block.pop("unknown_reasons")
            blanked = block["pages_present"] if document is info else 0
            assert unknown == blanked * block["page_size"]
            assert reasons == (["blanked"] if blanked else [])
    assert info == before
    assert "metadump" in run("info", out).out
    assert run("layout", out).out == run("layout", path).out
    assert run("state", out).status == 0
    for status, verb in (
        (1, ("extract", "-d", tmp_path / "ram", out)),
        (1, ("convert", "-O", "stream", out, tmp_path / "stream")),
        (1, ("convert", "-O", "mapped-ram", out, tmp_path / "copy")),
        (63, ("repair", out, tmp_path / "repaired")),
    ):
        outcome = run(*verb)
        assert outcome.status == status, verb
        assert "a metadump" in outcome.err
    assert {entry.name for entry in tmp_path.iterdir()} <= {"out", "ram"}
    outcome = run("diff", out, path)
    assert outcome.status == 2
    assert "a metadump" in outcome.err


def test_pages_by_their_hashes(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    """Two metadumps with one key differ in the same pages as the files."""
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32))
    outs = [tmp_path / "a", tmp_path / "b"]
    for name, out in zip(("pc", "live"), outs, strict=True):
        path = fixtures[name].path
        # If fields of devices were left out, no two would be known to be equal.
        assert run("metadump", "--state", "all", "--hash-key", key, path, out).status == 0
    wanted = run("diff", "--output", "json", fixtures["pc"].path, fixtures["live"].path).json
    found = run("diff", "--output", "json", *outs).json
    assert found["pages"] == wanted["pages"] != []
    assert run("diff", outs[0], outs[0]).status == 0


def test_random_key(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    for name in ("a", "b"):
        outcome = run("metadump", "--pages", "hash", fixtures["pc"].path, tmp_path / name)
        assert "97 hashes" in outcome.out
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_unpacked(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path, out, again = fixtures["live"].path, tmp_path / "out", tmp_path / "again"
    assert run("metadump", "--unpacked", path, out).status == 0
    assert extents(out) == extents(path)
    assert check(out).findings == check(path).findings
    assert run("metadump", path, again).status == 0
    assert run("metadump", "--unpacked", again, tmp_path / "unpacked").status == 0
    assert (tmp_path / "unpacked").read_bytes() == out.read_bytes()


def test_state_options(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path, out = fixtures["pc"].path, tmp_path / "out"
    arguments = ("--state", "all", "--blank", "cpu:env.e?p", path, out)
    assert run("metadump", *arguments).status == 0
    cpu = next(
        device
        for device in run("state", "--output", "json", out).json["devices"]
        if device["idstr"] == "cpu"
    )
    assert cpu["fields"]["env.eip"] == {"value": None, "left_out": True}
    assert cpu["fields"]["env.mxcsr"] == 0x1F80


def test_with_an_offset(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    fixture, out = fixtures["offset-unaligned"], tmp_path / "out"
    assert run(*on("metadump", fixture, out)).status == 0
    assert run("check", "--offset", fixture.offset, out).status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--blank", "cpu"),
        ("--keep", "cpu:"),
        ("--state", "some"),
        ("--pages", "none", "--hash-key", "{key}"),
        ("--hash-key", "{nowhere}"),
    ],
)
def test_usage(fixtures: Fixtures, tmp_path: Path, run: Run, arguments: tuple[str, ...]) -> None:
    (tmp_path / "key").write_bytes(b"key")
    names = {"key": tmp_path / "key", "nowhere": tmp_path / "nowhere"}
    filled = [argument.format(**names) for argument in arguments]
    outcome = run("metadump", *filled, fixtures["none"].path, tmp_path / "out")
    assert outcome.status == 64
    assert not (tmp_path / "out").exists()


def test_empty_key(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    key = tmp_path / "key"
    key.touch()
    outcome = run("metadump", "--hash-key", key, fixtures["none"].path, tmp_path / "out")
    assert (outcome.status, "key file is empty" in outcome.err) == (1, True)


def test_not_overwritten(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"mine")
    outcome = run("metadump", fixtures["none"].path, out)
    assert (outcome.status, out.read_bytes()) == (1, b"mine")
    assert "--force" in outcome.err
    assert run("metadump", "--force", fixtures["none"].path, out).status == 0


def test_not_a_snapshot(tmp_path: Path, run: Run) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"\x7fELF")
    assert run("metadump", other, tmp_path / "out").status == 63
    assert run("metadump", tmp_path / "nowhere", tmp_path / "out").status == 1
    assert not (tmp_path / "out").exists()


def test_compressed(samples: Samples, tmp_path: Path, run: Run) -> None:
    skip_without_decompressor("gzip")
    outcome = run("metadump", samples["gzip"].path, tmp_path / "out")
    assert outcome.status == 63
    assert "convert -O libvirt-sparse" in outcome.err
    sparse = tmp_path / "sparse"
    assert run("convert", "-O", "libvirt-sparse", samples["gzip"].path, sparse).status == 0
    assert run("metadump", sparse, tmp_path / "out").status == 0


def test_damaged_metadump(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    assert run("metadump", fixtures["none"].path, out).status == 0
    os.truncate(out, 300)
    for verb in ("info", "layout"):
        outcome = run(verb, out)
        assert outcome.status == 1
        assert "directory: the metadump ends at 0x12c" in outcome.err
    assert run("check", out).status == 2


def test_signal_leaves_nothing(fixtures: Fixtures, tmp_path: Path) -> None:
    """SIGTERM while pages are hashed."""
    program = (
        "import os, signal, sys; import mappedram.export.metadump.write as w;"
        "w.block_places = lambda *_: os.kill(os.getpid(), signal.SIGTERM);"
        "from mappedram.cli.main import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "metadump", fixtures["pc"].path, tmp_path / "out"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_as_a_process(fixtures: Fixtures, tmp_path: Path) -> None:
    done = process("metadump", "--output", "json", fixtures["none"].path, tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["same_findings"] is True
