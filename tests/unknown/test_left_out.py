"""Streams of which the save left shared memory out (x-ignore-shared)."""

import json
from pathlib import Path

import pytest

import mappedram
from mappedram.cli.main import main
from mappedram.export.stream import to_stream
from mappedram.stream.coverage import Reason
from mappedram.stream.writer import BlockSpec, Envelope, SnapshotWriter
from tests.cli.conftest import Run
from tests.conftest import Fixtures
from tests.export.guests import Guest, stopped

LEFT_OUT = "pc.ram"


@pytest.fixture
def stream(fixtures: Fixtures, tmp_path: Path) -> Path:
    """A stream without mapped-ram in which one block has no record."""
    fixture, path = fixtures["ignore-shared"], tmp_path / "ignore-shared.stream"
    with (
        mappedram.open(fixture.path, fixture.offset) as whole,
        (tmp_path / "mapped").open("w+b") as mapped,
    ):
        specs = [
            BlockSpec(b.idstr, b.used_length, b.model.addr or 0, ignored=b.idstr == LEFT_OUT)
            for b in whole.blocks
        ]
        size = whole.stream.page_size
        assert size
        with SnapshotWriter(mapped.fileno(), Envelope.of(whole), specs, page_size=size) as writer:
            for block in whole.blocks:
                if block.idstr != LEFT_OUT:
                    writer.write_pages(block.idstr, 0, block.read(0, block.used_length))
            writer.finish()
        with mappedram.open(mapped.name) as part, path.open("w+b") as out:
            to_stream(part, out.fileno())
    return path


def left_out(path: Path) -> set[str]:
    with mappedram.open(path) as snapshot:
        reasons = {b.idstr: {one.reason for one in b.coverage.unknown} for b in snapshot.blocks}
    return {name for name, found in reasons.items() if found == {Reason.LEFT_OUT}}


def test_info_tells_what_was_left_out(stream: Path, run: Run) -> None:
    names = {LEFT_OUT}
    assert left_out(stream) == names
    status, out, _ = run("info", "--output", "json", str(stream))
    assert status == 0
    blocks = json.loads(out)["blocks"]
    assert {b["idstr"] for b in blocks if b["unknown_reasons"] == ["left-out"]} == names
    assert all((b["pages_present"] is None) == (b["idstr"] in names) for b in blocks)


def test_the_page_shows_it(stream: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["layout", "--html", str(page), str(stream)]) == 0
    assert Reason.LEFT_OUT.text in page.read_text("utf-8")


def test_a_copy_leaves_the_same_out(stream: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mapped-ram"
    assert main(["convert", "-O", "mapped-ram", str(stream), str(copy)]) == 0
    assert left_out(copy) == {LEFT_OUT}
    with mappedram.open(stream) as first, mappedram.open(copy) as second:
        told = [block for block in first.blocks if block.has_pages]
        assert told
        for block in told:
            size = block.used_length
            assert second.block[block.idstr].read(0, size) == block.read(0, size)


@pytest.mark.qemu
def test_a_stream_of_qemu_is_copied(tmp_path: Path) -> None:
    """One in which QEMU itself left the guest's memory out."""
    path, copy = tmp_path / "guest", tmp_path / "copy"
    with stopped(Guest("pc-q35-10.0", share="on"), tmp_path) as machine:
        machine.save(path, capabilities=("x-ignore-shared",))
    names = left_out(path)
    assert LEFT_OUT in names
    assert main(["layout", "--html", str(tmp_path / "page.html"), str(path)]) == 0
    assert main(["convert", "-O", "mapped-ram", str(path), str(copy)]) == 0
    assert left_out(copy) == names
