"""Make the committed fixtures: small files written by a real QEMU, each for one reason.

    python -m tools.qemu.fixtures [NAME ...]

makes the named fixtures, or all, as tests/fixtures/NAME.tar.gz, and describes them in
tests/fixtures/manifest.json. Guests have no firmware except ours (`tools.qemu.firmware`), and their
memory is filled with a pattern (`tools.qemu.pattern`). The same QEMU makes the same bytes again,
except where timing matters: live, dirty-bitmaps, killed, background-snapshot.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import manifest
from .machine import NEWER, OLDER, Machine, find, version
from .recipe import Fixture
from .table import TABLE, TEMPLATES

_INSTALL = {None: "install", NEWER: "install-newer", OLDER: "install-older"}
DIRECTORY = Path(__file__).parents[2] / "tests" / "fixtures"


def make(fixture: Fixture, work: Path) -> dict[str, Any]:
    """Write the fixture's archive, using the empty directory `work`; return its description."""
    binary = find(fixture.arch, beside=fixture.beside)
    if not binary:
        sys.exit(f"no qemu-system-{fixture.arch}: run tools/qemu/{_INSTALL[fixture.beside]}")
    path = work / fixture.file
    with Machine(binary, fixture.prepare(work)) as machine:
        status = fixture.finish(machine, fixture, path)
        argv = [binary.name, *machine.argv[1:]]
        commands = machine.transcript
    archive(path, DIRECTORY / f"{fixture.name}.tar.gz")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    description = {
        "reason": fixture.reason,
        "file": fixture.file,
        "offset": fixture.offset,
        "size": path.stat().st_size,
        "sha256": digest,
        "arch": fixture.arch,
        "qemu": ".".join(map(str, version(binary))),
        "argv": argv,
        "qmp": commands,
        "capabilities": fixture.capabilities,
        "parameters": fixture.parameters,
        "completed": status,
        "fill": [asdict(fill) | {"seed": f"{fill.seed:#x}"} for fill in fixture.fills],
    }
    anywhere = json.dumps(description).replace(str(work), "{dir}")
    result: dict[str, Any] = json.loads(anywhere)
    return result


def archive(path: Path, target: Path) -> None:
    """Pack one sparse file with its holes; the same file gives the same bytes.

    The old GNU format keeps the map of holes in the header, which every tar and Python can read.
    """
    tar = "tar --create --sparse --hole-detection=seek --format=gnu"
    tar += " --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=644"
    packed = subprocess.run(
        [*tar.split(), "--directory", path.parent, path.name], check=True, stdout=subprocess.PIPE
    )
    with target.open("wb") as file:
        subprocess.run(["gzip", "-n9"], check=True, input=packed.stdout, stdout=file)


def main() -> None:
    """Make the fixtures named on the command line."""
    table = {fixture.name: fixture for fixture in (*TABLE, *TEMPLATES)}
    names = manifest.chosen(table, "fixture", "Make the fixtures with a real QEMU.")
    for name in names:
        path = DIRECTORY / f"{'templates' if table[name] in TEMPLATES else 'manifest'}.json"
        entries = manifest.read(path)
        with tempfile.TemporaryDirectory(prefix="mappedram-") as work:
            entries[name] = make(table[name], Path(work))
        manifest.write(path, entries, table)
        size = (DIRECTORY / f"{name}.tar.gz").stat().st_size
        print(f"{name:24}{entries[name]['completed']:12}{size:9}", file=sys.stderr)


if __name__ == "__main__":
    main()
