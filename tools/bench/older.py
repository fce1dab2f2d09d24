"""The package at another commit, and rows with it as the peer."""

import io
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

from tools.bench.row import Command, Row

ROOT = Path(__file__).resolve().parents[2]
#: Parts of the package: its modules, and the files of the repository that it reads.
_PARTS = ("mappedram", "spec")
#: No command may take more than a tenth longer than before.
LIMIT = 1.1


def unpacked(commit: str, folder: Path) -> Path:
    """Unpack the package of a commit into a new folder below `folder`; make no environment.

    Raises:
        ValueError: there is no such commit, or no package in it.
    """
    command = ["git", "archive", "--format=tar", commit, *_PARTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise ValueError(f"--against {commit}: {done.stderr.decode().strip()}")
    tree = folder / "older"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # since Python 3.11.4
        archive.extractall(tree)
    return tree


def of_package(command: Command, tree: Path) -> Command:
    """A command that runs this interpreter with the package in a folder.

    Neither the working directory nor installed packages take precedence.
    """
    at = command.index(sys.executable)
    environment = ("env", f"PYTHONPATH={tree}", sys.executable, "-P")
    return [*command[:at], *environment, *command[at + 1 :]]


def against(row: Row, tree: Path, commit: str) -> Row | None:
    """The row with the older package's command as its peer; None if it does not run Python."""
    if sys.executable not in row.ours:
        return None
    return replace(
        row,
        peer=f"the same at {commit}",
        ours=of_package(row.ours, ROOT),
        theirs=of_package(row.ours, tree),
        limit=LIMIT,
        resident_limit=None,
        bound="",
        peer_reports=False,
    )
