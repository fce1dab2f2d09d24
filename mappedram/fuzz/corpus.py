"""A folder of files to try parsers on, with a manifest that says what is wrong with each."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypedDict

from mappedram.check import check
from mappedram.check.save_image import unpacked
from mappedram.errors import MappedRamError
from mappedram.fuzz.cases import Case, Generated
from mappedram.fuzz.faults import Fault, Faults, FaultTally, attempt
from mappedram.fuzz.sparse import SparseFile
from mappedram.io import system
from mappedram.io.opening import open_source
from mappedram.io.source import Source
from mappedram.json_types import Json
from mappedram.qemu.loader import RELEASES, verdicts

MANIFEST = "manifest.json"

#: Called with each file that is made, by name.
OnFile = Callable[[str], object]
#: Called with the first faults of each kind.
OnFault = Callable[[Fault], object]


class Manifest(TypedDict):
    """What a corpus holds, as it stands beside its files."""

    seed: int
    count: int
    releases: list[str]
    files: list[dict[str, Json]]
    faults: FaultTally


def write(
    folder: Path,
    *,
    seed: int,
    count: int,
    first: int = 0,
    force: bool = False,
    on_file: OnFile | None = None,
    on_fault: OnFault | None = None,
) -> Manifest:
    """Write `count` files and their manifest; the same bytes for the same seed.

    Files are made in a folder beside, so that an end before the last one leaves nothing. One that
    cannot be drawn is left out and counted.

    Args:
        folder: is made, or has to be empty.
        seed: which files.
        count: how many; for each rule to be broken once, about 300.
        first: number of the file to begin with.
        force: put the files among those that are in the folder, in the place of those of the same
            name.
        on_file: gets the name of each file.
        on_fault: gets what kept a file from being drawn, the first times.

    Returns:
        The manifest.

    Raises:
        FileExistsError: the folder is not empty, and `force` was not given.
        OSError: writing failed.
    """
    if not force and system.exists(folder) and any(folder.iterdir()):
        raise FileExistsError(17, "is not empty (--force adds to it)", str(folder))
    cases, faults = Generated(seed), Faults()
    entries: list[dict[str, Json]] = []
    with _staged(folder) as place:
        for number in range(first, first + count):
            drawn = attempt(partial(_drawn, cases, number), cases.named(number))
            if isinstance(drawn, Fault):
                if faults.add(drawn) and on_fault:
                    on_fault(drawn)
                continue
            kind, file, entry = drawn
            name = f"{number:05}-{kind}.mapped-ram"
            file.store(place / name)
            entries.append({"name": name} | entry)
            if on_file:
                on_file(name)
        manifest: Manifest = {
            "seed": seed,
            "count": count,
            "releases": list(RELEASES),
            "files": entries,
            "faults": faults.to_dict(),
        }
        text = json.dumps(manifest, indent=1) + "\n"
        (place / MANIFEST).write_text(text, encoding="utf-8")
    return manifest


def _drawn(cases: Generated, number: int) -> tuple[str, SparseFile, dict[str, Json]]:
    """A case: its name, its file, and what the manifest says of it."""
    case = cases.draw(number)
    return case.name, case.file, described(case)


def described(case: Case) -> dict[str, Json]:
    """What the manifest says of a file."""
    file = case.file
    with file.opened() as fd, open_source(fd) as source:
        codes = {finding.code for finding in check(fd, file.offset).findings}
        outcomes = _outcomes(source, file.offset)
    return {
        "kind": "wild" if case.mutations else "broken" if case.breaks else "sound",
        "offset": file.offset,
        "size": file.size,
        "sha256": file.sha256(),
        "breaks": case.breaks,
        "rules": sorted(codes),
        "mutations": [
            {
                "path": change.path,
                "offset": change.offset,
                "before": change.before.hex(),
                "after": change.after.hex(),
                "what": change.what,
            }
            for change in case.mutations
        ],
        "qemu": outcomes,
    }


def _outcomes(source: Source, offset: int) -> dict[str, dict[str, Json]] | None:
    """What each QEMU makes of the stream, in an image or not; None where nobody gets to it."""
    try:
        with unpacked(source, offset) as (stream, begin, _):
            found = verdicts(stream, begin)
    except MappedRamError:
        return None
    return {release: verdict.to_dict() for release, verdict in found.items()}


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A folder whose files go to `folder` when the block ends well; else nothing is left of it."""
    parent = folder.absolute().parent
    place = Path(tempfile.mkdtemp(prefix=".mappedram-", dir=parent))
    try:
        yield place
        system.set_mode(place, 0o777 & ~_umask())
        if system.exists(folder) and any(folder.iterdir()):
            for path in sorted(place.iterdir()):
                system.move(path, folder / path.name)
        else:
            system.move(place, folder)  # in the place of an empty one
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _umask() -> int:
    """What new files are not allowed; the system tells it only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
