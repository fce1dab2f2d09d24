"""Values equal those of QEMU's scripts/analyze-migration.py, field by field and by name.

The script is not part of this project. The tests run if MAPPEDRAM_ANALYZE_MIGRATION names a copy of
it, from the sources of QEMU 10.0 or newer. It fails on mapped-ram, so it gets a copy of each file
without the sections of RAM.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram import Snapshot
from mappedram.format.constants import SectionType
from mappedram.stream import vmstate
from mappedram.stream.vmstate.tree import Array, Leaf, Node, Struct
from tests.conftest import Fixtures
from tests.stream.vmstate.real import DESCRIBED

VARIABLE = "MAPPEDRAM_ANALYZE_MIGRATION"


@pytest.fixture(scope="module")
def script() -> Path:
    path = os.environ.get(VARIABLE)
    if path is None:
        pytest.skip(f"{VARIABLE} has to name QEMU's analyze-migration.py")
    return Path(path)


@pytest.mark.parametrize("name", DESCRIBED)
def test_values_are_those_of_analyze_migration(
    fixtures: Fixtures, script: Path, tmp_path: Path, name: str
) -> None:
    fixture = fixtures[name]
    with mappedram.open(fixture.path, fixture.offset) as snapshot:
        assert compare(snapshot, script, tmp_path / "without-ram") > 0


def compare(snapshot: Snapshot, script: Path, copy: Path) -> int:
    """Compare all values of a file; return how many there are."""
    copy.write_bytes(without_ram(snapshot))
    done = subprocess.run(
        [sys.executable, script, "-f", copy], capture_output=True, text=True, check=True
    )
    theirs = json.loads(done.stdout)
    state = vmstate.decode(snapshot)
    assert len(theirs) == len(state)
    return sum(
        same(snapshot, device.root, theirs[f"{device.idstr} ({device.section_id})"], device.idstr)
        for device in state
    )


def without_ram(snapshot: Snapshot) -> bytes:
    """The stream with nothing between the configuration and the sections of devices."""
    source, stream = snapshot.source, snapshot.stream
    first = stream.sections[0]
    kept = (SectionType.FULL, SectionType.EOF, SectionType.VMDESCRIPTION)
    return source.read(stream.offset, first.offset - stream.offset) + b"".join(
        source.read(section.offset, section.length)
        for section in stream.sections
        if section.type in kept
    )


def same(snapshot: Snapshot, node: Node, theirs: Any, path: str) -> int:
    """Compare one of our values with the script's; return the number of values in it."""
    if isinstance(theirs, dict):
        assert isinstance(node, Struct), path
        ours = {**node.fields, **node.subsections}
        assert list(ours) == list(theirs), path
        return sum(same(snapshot, ours[key], theirs[key], f"{path}/{key}") for key in theirs)
    if isinstance(theirs, list):
        assert isinstance(node, Array), path
        assert len(node.items) == len(theirs), path
        pairs = enumerate(zip(node.items, theirs, strict=True))
        return sum(same(snapshot, ours, value, f"{path}[{i}]") for i, (ours, value) in pairs)
    if isinstance(theirs, str) and theirs.startswith("0x"):
        # The digits are those of the unsigned value; a negative value follows in brackets.
        assert isinstance(node, Leaf), path
        assert isinstance(node.value, int), path
        assert node.value % (1 << 8 * node.length) == int(theirs.partition(" ")[0], 16), path
    elif theirs == "nullptr":
        assert node.value is None, path
    elif isinstance(theirs, bool):
        assert node.value is theirs, path
    else:
        # Bytes, for types that the script does not decode.
        assert bytes.fromhex(theirs) == snapshot.source.read(node.offset, node.length), path
    return 1
