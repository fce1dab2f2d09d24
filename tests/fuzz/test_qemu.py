"""The loader of a real QEMU as a target: known failures are found."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from shutil import which

import pytest

from mappedram.fuzz import reproducer
from mappedram.fuzz.cases import Case
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.mutate import Mutation
from mappedram.fuzz.report import FoundFailure
from mappedram.fuzz.run import RunLimits, run
from mappedram.fuzz.targets import Limit, QemuTarget, Worker
from mappedram.fuzz.targets.qemu import observation
from mappedram.qemu.run.load import LoadResult
from tools.qemu.machine import version

pytestmark = pytest.mark.qemu

#: Later releases refuse some files that crash this one.
RELEASE = 10
LIMIT = Limit(seconds=10, memory=4 << 30)


@pytest.fixture(scope="module")
def target() -> QemuTarget:
    binary = which("qemu-system-x86_64")
    if binary is None:
        pytest.skip("no qemu-system-x86_64: run tools/install")
    if version(Path(binary))[0] != RELEASE:
        pytest.skip(f"what is known here is known of QEMU {RELEASE}")
    return QemuTarget(Path(binary), LIMIT)


@pytest.fixture(scope="module")
def clean(target: QemuTarget) -> dict[str, Case]:
    """The clean files of the target."""
    cases = islice(target.cases(0), 3)
    return {case.name: replace(case, mutations=()) for case in cases}


@pytest.fixture
def worker(target: QemuTarget, tmp_path: Path) -> Iterator[Worker]:
    with target.worker(tmp_path) as made:
        yield made


def changed(case: Case, path: str, name: str, value: int) -> Case:
    draft = Draft(case.clean)
    place = draft.place(path, name)
    size = place.end - place.start
    before = case.clean.read(place.start, size)
    change = Mutation(place.path, place.start, before, value.to_bytes(size, "big"), "a test")
    return replace(case, mutations=(change,))


def test_clean_files_load(clean: dict[str, Case], worker: Worker) -> None:
    assert clean.keys() == {"saved", "odd", "paged"}
    assert [worker.observe(case).kind for case in clean.values()] == ["accepts"] * 3


@pytest.mark.parametrize(
    ("seed", "path", "name", "value", "kind", "signs"),
    [
        ("saved", "/ram/blocks[0]", "mapped_ram/page_size", 0, "crashes", {"SIGFPE"}),
        ("odd", "/ram/blocks[0]", "mapped_ram/page_size", 8192, "wrong-memory", {""}),
        ("saved", "/ram/blocks[0]", "used_length", 1 << 60, "crashes", {"SIGTRAP", "SIGABRT"}),
        ("saved", "/configuration/header", "len_name", (1 << 32) - 1, "crashes",
         {"SIGTRAP", "SIGABRT"}),
        ("saved", "/ram/blocks[0]", "mapped_ram/version", 2, "refuses", {""}),
    ],
)  # fmt: skip
def test_what_is_known_of_qemu_10(
    clean: dict[str, Case],
    worker: Worker,
    seed: str,
    path: str,
    name: str,
    value: int,
    kind: str,
    signs: set[str],
) -> None:
    found = worker.observe(changed(clean[seed], path, name, value))
    assert found.kind == kind, found.message
    assert found.sign in signs


def test_an_area_that_leads_back(
    clean: dict[str, Case], target: QemuTarget, tmp_path: Path
) -> None:
    draft = Draft(clean["paged"].clean)
    record = next(e for e in draft.stream.elements if e.kind == "mem_size")
    back = record.offset - draft.blocks[0].used_length
    case = changed(clean["paged"], "/ram/blocks[0]", "mapped_ram/pages_offset", back)
    short = QemuTarget(target.binary, Limit(seconds=3, memory=LIMIT.memory))
    with short.worker(tmp_path) as worker:
        assert worker.observe(case).kind == "hangs"


def test_a_signal_that_is_meant_for_the_run_is_no_crash() -> None:
    """A terminal sends it to all its processes at once."""
    found = [observation(LoadResult("crashes", "", -number, 0.1, None)) for number in (2, 15, 8)]
    assert [entry.kind for entry in found] == ["refuses", "refuses", "crashes"]


def test_finds_a_crash_by_itself(target: QemuTarget, tmp_path: Path) -> None:
    """From clean files only; the command in the report is tried by hand."""
    told: list[FoundFailure] = []
    run(target, seed=1, budget=RunLimits(executions=200), jobs=2, on_found=told.append)
    crashes = [found for found in told if found.observation.kind == "crashes"]
    assert crashes
    place = reproducer.write(crashes[0], tmp_path)
    document = json.loads((place / "report.json").read_text())
    done = subprocess.run(
        ["sh", "-c", f"ulimit -v {4 << 20}; {document['command']}"],
        cwd=place,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode > 128, done.stderr
