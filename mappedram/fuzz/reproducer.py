"""A folder for each failure: the file that shows it, and the report."""

import json
import shutil
import tempfile
from itertools import chain, count
from pathlib import Path

from mappedram.fuzz.report import FILE, FoundFailure, as_dict, as_text
from mappedram.io import system


def write(found: FoundFailure, folder: Path) -> Path:
    """Write the file and the report of a failure into a new folder inside `folder`.

    Nobody else can read them: a target may have put anything of its own into what it said.

    Returns:
        The new folder; it is there whole or not at all.

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
    """A name that nothing has yet, numbered if the plain one is taken."""
    names = chain((name,), (f"{name}-{number}" for number in count(2)))
    return next(folder / free for free in names if not system.exists(folder / free))
