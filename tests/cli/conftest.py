"""Running the command: in this process for speed, or as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import mappedram
from mappedram.cli.main import main
from tests.conftest import Fixture
from tests.files import copy_sparse, field_place, patch

ROOT = Path(__file__).resolve().parents[2]
#: Seconds after which a process must be waiting for something that does not come.
TIMEOUT = 300


class Outcome(NamedTuple):
    """What a run of the command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def run(*args: object) -> Outcome:
        status = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Outcome(status, captured.out, captured.err)

    return run


def process(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as a process; one that waits for something is a failure."""
    return subprocess.run(
        [sys.executable, "-m", "mappedram", *map(str, args)],
        check=False,
        text=True,
        timeout=TIMEOUT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {}),
        **({"capture_output": True} | options),
    )


def interrupted(number: int, folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    """Run the command as a process that gets a signal once a file in `folder` has bytes."""
    return subprocess.run(
        [sys.executable, "-m", "tests.interrupted", *map(str, (int(number), folder, *args))],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        cwd=ROOT,
    )


def on(verb: str, fixture: Fixture, *args: object) -> tuple[object, ...]:
    """The arguments that run a verb on a fixture."""
    return verb, "--offset", fixture.offset, fixture.path, *args


def patched(fixture: Fixture, directory: Path, field: str, data: bytes) -> Path:
    """A copy of a fixture with other bytes in one field."""
    with mappedram.open(fixture.path, fixture.offset) as snapshot:
        offset, length = field_place(snapshot, field)
    assert len(data) == length
    return patch(copy_sparse(fixture.path, directory / fixture.path.name), offset, data)
