"""What a file does not tell is unknown: cut anywhere, it gives right pages or none."""

import json
import shutil
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mappedram
from mappedram import Snapshot, UnknownPagesError
from mappedram.cli.main import main
from mappedram.cli.status import CORRUPT, FINE
from mappedram.errors import MappedRamError, UnsupportedError
from mappedram.stream.block import Block
from mappedram.stream.libvirt import open_any
from tests.conftest import Fixtures, manifest
from tests.files import copy_sparse, patch
from tests.stream.libvirt.samples import Samples

if TYPE_CHECKING:
    from mappedram.io.spans import Runs

#: Structures that a reader relies on before it comes to the first page.
HEADERS = {"mem_size", "ramblock_header"}


@lru_cache(2)
def memory(path: Path, offset: int) -> dict[str, tuple[bytes, "Runs"]]:
    """What the whole file tells: the bytes of each block, and which of them are known."""
    with open_any(path, offset, partial=True) as (snapshot, _):
        return {
            block.idstr: (block.read(0, block.used_length, partial=True), known(block))
            for block in snapshot.blocks
        }


def known(block: Block) -> "Runs":
    return block.coverage.known(0, block.used_length)


def wrong(snapshot: Snapshot, whole: dict[str, tuple[bytes, "Runs"]]) -> Iterator[str]:
    """The ranges that are read without an error and are not those of the whole file."""
    for block in snapshot.blocks:
        if block.idstr not in whole:
            continue  # its name was changed, and it has no pages to be wrong
        original, _ = whole[block.idstr]
        for start, end in known(block).tolist():
            try:
                data = block.read(start, end - start)
            except UnknownPagesError:
                raise
            except MappedRamError:
                continue
            # A block that is longer now has pages that are no other's.
            if data[: max(0, len(original) - start)] != original[start:end]:
                yield f"{block.idstr} {start:#x}-{end:#x}"


def cut(path: Path, directory: Path, size: int) -> Path:
    target = copy_sparse(path, directory / path.name)
    with target.open("r+b") as stream:
        stream.truncate(size)
    return target


def places(path: Path, offset: int) -> list[int]:
    """Where structures, bitmaps and page areas begin and end."""
    with open_any(path, offset, partial=True) as (snapshot, _):
        return sorted(
            {edge for region in snapshot.regions() for edge in (region.offset, region.end)}
        )


def near(edges: list[int], size: int) -> st.SearchStrategy[int]:
    """Sizes of a cut file: anything, and around what is worth being cut."""
    around = st.builds(
        lambda edge, shift: min(max(edge + shift, 0), size),
        st.sampled_from(edges),
        st.integers(-9, 9),
    )
    return st.one_of(st.integers(0, size), around)


@pytest.mark.parametrize("name", manifest())
def test_a_cut_file_gives_right_pages_or_none(
    fixtures: Fixtures, tmp_path: Path, name: str
) -> None:
    fixture = fixtures[name]
    whole = memory(fixture.path, fixture.offset)
    size = fixture.path.stat().st_size

    @settings(max_examples=10, derandomize=True)
    @given(near(places(fixture.path, fixture.offset), size))
    def check(length: int) -> None:
        path = cut(fixture.path, tmp_path, length)
        try:
            snapshot = mappedram.open(path, fixture.offset, partial=True)
        except MappedRamError:
            return
        with snapshot:
            assert list(wrong(snapshot, whole)) == []
            for block in snapshot.blocks:
                for lacking in block.coverage.unknown:
                    start, end = lacking.ranges[0].tolist()
                    with pytest.raises(UnknownPagesError) as caught:
                        block.read(start, min(end - start, 1 << 20))
                    assert caught.value.ranges[0].offset == start
                    assert len(block.read(start, 1, partial=True)) == 1

    check()


@pytest.mark.parametrize("name", manifest())
def test_a_file_with_another_byte_in_a_header_gives_right_pages_or_none(
    fixtures: Fixtures, tmp_path: Path, name: str
) -> None:
    fixture = fixtures[name]
    whole = memory(fixture.path, fixture.offset)
    path = copy_sparse(fixture.path, tmp_path / fixture.path.name)
    with mappedram.open(path, fixture.offset, partial=True) as snapshot:
        spans = [
            (element.offset, element.length)
            for element in snapshot.stream.elements
            if element.kind in HEADERS
        ]
    offsets = [offset + index for offset, length in spans for index in range(length)]
    if not offsets:
        pytest.skip("the stream has no RAM")

    @settings(max_examples=25, derandomize=True)
    @given(st.sampled_from(offsets), st.integers(1, 255))
    def check(offset: int, change: int) -> None:
        with path.open("rb") as stream:
            stream.seek(offset)
            before = stream.read(1)
        patch(path, offset, bytes([before[0] ^ change]))
        try:
            with mappedram.open(path, fixture.offset, partial=True) as snapshot:
                found = list(wrong(snapshot, whole))
        except MappedRamError:
            found = []
        finally:
            patch(path, offset, before)
        assert found == []

    check()


#: Files of each kind: with mapped-ram, without, with compressed pages, images of libvirt.
FILES = ("pc", "arm-1k", "plain", "compress", "libvirt-raw", "libvirt-sparse", "libvirt-zstd")
#: What is written of them, by verb and options.
FORMS = {
    "extract": ("extract", "-d"),
    "elf": ("convert", "-O", "elf"),
    "lime": ("convert", "-O", "lime"),
    "raw": ("convert", "-O", "raw"),
    "mapped-ram": ("convert", "-O", "mapped-ram"),
    "stream": ("convert", "-O", "stream"),
}


def written(verb: tuple[str, ...], path: Path, out: Path, *options: str) -> int:
    """Write a form of a file; returns the status. Where it is 1 or more, nothing may be there."""
    if out.is_dir():
        shutil.rmtree(out)
    out.unlink(missing_ok=True)
    arguments = [verb[0], str(path), *verb[1:], str(out)]
    if verb[0] == "convert":
        arguments = [*verb, str(path), str(out)]
    return main([*arguments, *options])


def may_be_whole(path: Path) -> bool:
    """Whether the file may be one without a description, of which not every cut can be told."""
    with open_any(path, partial=True) as (snapshot, _):
        stream = snapshot.stream
        is_short = stream.ended and stream.vmdescription is None
        return is_short or isinstance(stream.stopped, UnsupportedError)


def contents(out: Path) -> list[str]:
    """Digests, which can be shown where they differ."""
    files = sorted(out.iterdir()) if out.is_dir() else [out]
    return [sha256(file.read_bytes()).hexdigest() for file in files]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FILES)
def test_a_verb_that_is_done_has_written_what_is_right(
    fixtures: Fixtures, samples: Samples, tmp_path: Path, name: str, form: str
) -> None:
    kind, _, image = name.partition("-")
    path = samples[image].path if kind == "libvirt" else fixtures[name].path
    whole = tmp_path / "whole"
    if name == "arm-1k" and form in {"elf", "lime", "raw"}:
        pytest.skip("nothing tells where its memory lies")
    assert written(FORMS[form], path, whole) == FINE
    right = contents(whole)
    edges = places(path, 0)

    @settings(max_examples=6, derandomize=True)
    @given(near(edges, path.stat().st_size))
    def check(length: int) -> None:
        status = written(FORMS[form], cut(path, tmp_path, length), tmp_path / "out")
        assert status != CORRUPT
        if status == FINE and not may_be_whole(tmp_path / path.name):
            assert contents(tmp_path / "out") == right
        elif status == FINE:
            assert form != "extract" or contents(tmp_path / "out") == right
        else:
            assert not (tmp_path / "out").exists() or form == "extract"

    check()


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_in_part_is_right_but_for_what_is_named(
    fixtures: Fixtures,
    samples: Samples,
    tmp_path: Path,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kind, _, image = name.partition("-")
    path = samples[image].path if kind == "libvirt" else fixtures[name].path
    whole = memory(path, 0)

    @settings(max_examples=10, derandomize=True)
    @given(near(places(path, 0), path.stat().st_size))
    def check(length: int) -> None:
        capsys.readouterr()
        out = tmp_path / "out"
        options = ("--partial", "--output", "json")
        status = written(FORMS["extract"], cut(path, tmp_path, length), out, *options)
        if status not in {FINE, CORRUPT}:
            return
        blocks = json.loads(capsys.readouterr().out)
        assert (status == CORRUPT) == any(block["unknown"] for block in blocks)
        for block in blocks:
            if block["file"] is None:
                assert block["unknown"]
                continue
            data, right = bytearray(Path(block["file"]).read_bytes()), whole[block["idstr"]][0]
            for lacking in block["unknown"]:
                start, end = lacking["offset"], lacking["offset"] + lacking["length"]
                data[start:end] = right[start:end]
            assert sha256(data).digest() == sha256(right).digest(), block["idstr"]

    check()


def test_devices_that_are_cut_are_told_in_every_voice(
    fixtures: Fixtures, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fixtures["pc"].path
    with mappedram.open(path) as snapshot:
        ram_end = next(s.end for s in snapshot.sections if s.type.name == "END")
    part, out = cut(path, tmp_path, ram_end + 1000), tmp_path / "out"
    assert written(FORMS["elf"], part, out) not in {FINE, CORRUPT}
    assert not out.exists()
    capsys.readouterr()
    assert written(FORMS["elf"], part, out, "--partial", "--output", "json") == CORRUPT
    said, errors = capsys.readouterr()
    damaged = json.loads(said)["damaged"]
    assert damaged["offset"] >= ram_end
    assert damaged["message"] in errors
    assert written(FORMS["elf"], path, out, "--force", "--output", "json") == FINE
    assert json.loads(capsys.readouterr().out)["damaged"] is None
