"""A folder of files to test parsers with, and a manifest of their defects."""

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
from mappedram.io.opening import open_file
from mappedram.io.source import Source
from mappedram.json_types import Json
from mappedram.qemu.loader import RELEASES, verdicts

MANIFEST = "manifest.json"

#: Callback that takes the name of each file written.
OnFile = Callable[[str], object]
#: Callback that takes the first faults of each kind.
OnFault = Callable[[Fault], object]


class Manifest(TypedDict):
    """Manifest of a corpus, as stored beside its files."""

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

    Files are written to a temporary folder beside, so that an early end leaves nothing. A file that
    cannot be drawn is left out and counted.

    Args:
        folder: is created, or must be empty.
        seed: selects the files.
        count: number of files; about 300 break each rule once.
        first: number of the first file.
        force: add the files to those in the folder, and replace files of the same name.
        on_file: called with the name of each file.
        on_fault: called with the first faults that kept a file from being drawn.

    Returns:
        The manifest.

    Raises:
        FileExistsError: the folder is not empty, and `force` was not given.
        OSError: writing failed.
    """
    if not force and system.exists(folder) and any(folder.iterdir()):
        raise FileExistsError(17, "is not empty (use --force to add files)", str(folder))
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
    """Draw a case: its name, its file, and its entry in the manifest."""
    case = cases.draw(number)
    return case.name, case.file, described(case)


def described(case: Case) -> dict[str, Json]:
    """Entry of a file in the manifest."""
    file = case.file
    # QEMU gets the file itself, even where it begins as a qcow2 image does.
    with file.opened() as fd, open_file(fd) as source:
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
    """Outcome of the stream in each release of QEMU; None if the image cannot be unpacked."""
    try:
        with unpacked(source, offset) as inside:
            found = verdicts(inside.source, inside.begin)
    except MappedRamError:
        return None
    return {release: verdict.to_dict() for release, verdict in found.items()}


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Yield a folder whose files move to `folder` if the block succeeds, and vanish otherwise."""
    parent = folder.absolute().parent
    place = Path(tempfile.mkdtemp(prefix=".mappedram-", dir=parent))
    try:
        yield place
        system.set_mode(place, 0o777 & ~_umask())
        if system.exists(folder) and any(folder.iterdir()):
            for path in sorted(place.iterdir()):
                system.move(path, folder / path.name)
        else:
            system.move(place, folder)  # replaces an empty folder
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _umask() -> int:
    """The umask; the system tells it only while setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
