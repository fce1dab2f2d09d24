"""A folder for each failure, with the file that causes it and the report."""

import json
import shutil
import tempfile
from itertools import chain, count
from pathlib import Path

from mappedram.fuzz.report import FILE, FoundFailure, as_dict, as_text
from mappedram.io import system


def write(found: FoundFailure, folder: Path) -> Path:
    """Write the file and the report of a failure into a new folder inside `folder`.

    Other users cannot read them: the output of a target may contain its own data.

    Returns:
        The new folder; it is complete or does not exist.

    Raises:
        OSError: writing failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".mappedram-", dir=folder))
    try:
        (staged / FILE).touch(mode=0o600)
        found.case.file.store(staged / FILE)
        document = json.dumps(as_dict(found), indent=1) + "\n"
        for name, text in (("report.md", as_text(found)), ("report.json", document)):
            (staged / name).touch(mode=0o600)
            (staged / name).write_text(text, encoding="utf-8")
        place = _free(folder, found.name)
        system.move(staged, place)
        return place
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _free(folder: Path, name: str) -> Path:
    """An unused name, with a number if the plain one is taken."""
    names = chain((name,), (f"{name}-{number}" for number in count(2)))
    return next(folder / free for free in names if not system.exists(folder / free))
