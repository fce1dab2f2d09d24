"""The option --memory of the verbs that read memory."""

from pathlib import Path

import pytest

import mappedram
from tests.cli.conftest import Run, on
from tests.conftest import Fixtures
from tools.qemu import pattern
from tools.qemu.table import RUNS

MIB = 1 << 20


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """The memory of the guest, as QEMU had it."""
    path = tmp_path / "mem.raw"
    pattern.fill(path, 16 * MIB, 4096, RUNS, pattern.seed(b"RAM0"))
    return path


@pytest.mark.parametrize("name", ["template", "template-plain"])
def test_every_verb_reads_it(
    fixtures: Fixtures, tmp_path: Path, memory: Path, run: Run, name: str
) -> None:
    fixture, given = fixtures[name], ("--memory", f"mem={memory}")
    data = memory.read_bytes()
    extracted = run(*on("extract", fixture, "-b", "mem", "-o", tmp_path / "block", *given))
    assert (extracted.status, extracted.err) == (0, "")
    assert (tmp_path / "block").read_bytes() == data
    assert "--memory" in run(*on("info", fixture, *given)).out
    assert "....RAM0" in run(*on("dump", fixture, "--gpa", "0x10000", *given)).out
    counted = run("search", "--count", *given, "RAM0", fixture.path)
    assert int(counted.out) == data.count(b"RAM0")
    assert "mem " in run(*on("map", fixture, *given)).out
    for form in ("elf", "lime", "raw", "stream", "mapped-ram"):
        outcome = run(*on("convert", fixture, "-O", form, *given, tmp_path / form))
        assert (outcome.status, outcome.err) == (0, "")
    for form in ("stream", "mapped-ram"):
        with mappedram.open(tmp_path / form) as snapshot:
            assert "x-ignore-shared" not in snapshot.stream.capabilities
            assert snapshot.complete
            assert snapshot.block["mem"].read(0, 16 * MIB) == data
    assert "block" not in run("diff", tmp_path / "stream", tmp_path / "mapped-ram").out
    compared = run("diff", "--memory-a", f"mem={memory}", fixture.path, tmp_path / "mapped-ram")
    assert "x-ignore-shared" in compared.out
    assert "mem" not in compared.out


@pytest.mark.parametrize("verb", ["info", "map", "extract", "build"])
def test_wrong_use_is_told(
    fixtures: Fixtures, tmp_path: Path, memory: Path, run: Run, verb: str
) -> None:
    path, out = fixtures["template"].path, tmp_path / "out"
    arguments = {"extract": [path, "-d", out], "build": ["--from", path, out]}.get(verb, [path])
    for given, said in (
        (f"nope={memory}", "no block 'nope'"),
        (f"pc.bios={memory}", "did not leave out"),
        ("mem", "expected IDSTR=FILE"),
    ):
        outcome = run(verb, "--memory", given, *arguments)
        assert outcome.status == 64
        assert said in outcome.err
    twice = run(verb, "--memory", f"mem={memory}", "--memory", f"mem={memory}", *arguments)
    assert twice.status == 64
    short = run(verb, "--memory", f"mem={path}", *arguments)
    assert short.status == 1 or path.stat().st_size >= 16 * MIB
    assert not out.exists()
