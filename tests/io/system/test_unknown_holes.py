"""Files of QEMU and libvirt on a system that does not report holes: the same findings."""

import shutil
from errno import EOPNOTSUPP
from pathlib import Path

import pytest

from tests.cli.conftest import Run, run
from tests.conftest import FIXTURES, manifest
from tests.io.system.faults import answering, failing
from tests.stream.libvirt import samples
from tools.unpack import unpack

__all__ = ["run"]

NAMES = sorted({*manifest(), *samples.manifest()})


@pytest.mark.parametrize("name", NAMES)
def test_findings_do_not_depend_on_holes(name: str, tmp_path: Path, run: Run) -> None:
    """Only MR302 is about holes themselves."""
    if name == "libvirt-lzop" and shutil.which("lzop") is None:
        pytest.skip("no lzop: run tools/install")
    unpack(FIXTURES / f"{name}.tar.gz", tmp_path / "unpacked")
    (path,) = (tmp_path / "unpacked").iterdir()
    offset = int(manifest().get(name, {}).get("offset", 0))
    args = ("check", "--offset", offset, "--ignore", "MR302", path)
    right = run(*args)
    repair = ("repair", "--dry-run", "--offset", offset, path)
    planned = run(*repair)
    with answering("SEEK_DATA", failing(EOPNOTSUPP)):
        assert run(*args) == right
        assert run(*repair) == planned
