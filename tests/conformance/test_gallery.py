"""The `.ksy` for the gallery of Kaitai reads files as the reader does, and writes them back."""

import sys
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from kaitaistruct import EndOfStreamError, KaitaiStream

from mappedram import Snapshot
from mappedram import open as open_snapshot
from tests.conformance.toolchains import compiler, missing
from tests.conftest import FIXTURES, Fixtures, manifest
from tools.generate import gallery, ksc, ksy
from tools.generate.validity import specified

SOURCE = ksy.ROOT / "tools" / "gallery" / "qemu_mapped_ram.ksy"
README = SOURCE.with_name("README.md")

#: Real files of which it reads less than the reader, with the reasons.
LESS = {
    "no-footers": "only the JSON description tells where a device ends",
    "no-footers-no-vmdesc": "nothing tells where a device ends",
}
#: Real files without mapped-ram.
PLAIN = {name for name, entry in manifest().items() if "mapped-ram" not in entry["capabilities"]}
#: Truncated real files, for which it raises behind the pages.
CUT = {"killed", "ignore-shared-failed"}
NAMES = [name for name in manifest() if name not in PLAIN]
#: Larger files are not written back, because that needs all of the file in memory.
SIZE_MAX = 24 << 20


@pytest.fixture(scope="module")
def parser(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The generated class with support for writing."""
    if lacking := missing("go"):
        pytest.skip(f"the compiler needs {', '.join(lacking)}: run tools/install")
    folder = tmp_path_factory.mktemp("gallery")
    options = ("--read-write", "--read-pos")
    assert ksc.compile_spec(compiler(workshop), "python", options, folder, [SOURCE]) == ""
    sys.path.insert(0, str(folder))
    try:
        yield import_module("qemu_mapped_ram").QemuMappedRam
    finally:
        sys.path.remove(str(folder))


def test_it_is_tidy() -> None:
    text = SOURCE.read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    assert list(gallery.problems(text, document)) == []
    assert document["meta"]["id"] == SOURCE.stem
    assert document["meta"]["file-extension"] == "mapped-ram"
    assert all(reference.startswith("https://") for reference in document["doc-ref"])
    assert max(map(len, text.splitlines())) <= gallery.LINE_MAX


def test_same_numbers_as_in_the_spec() -> None:
    """Enumerations and permitted values of fields agree with the spec."""
    document = ksy.load(SOURCE)
    enums = dict(ksy.enums())
    for name, values in document["enums"].items():
        own = {number: entry["-orig-id"] for number, entry in values.items()}
        own.pop(0x30, None)  # two flags at once
        assert own == {value.value: value.name for value in enums[name]}
    header = {entry.name: entry for entry in ksy.types()}["mapped_ram_header"]
    fields = {entry["id"]: entry for entry in document["types"]["mapped_ram_header"]["seq"]}
    assert fields["ofs_pages"]["-should-align"] == header.fields[-1].align
    spec = dict(ksy.nodes())["mapped_ram_header"]
    own_header = document["types"]["mapped_ram_header"]
    assert specified(own_header, "version", {}) == specified(spec, "version", {}) is not None


def test_the_samples_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    for name in ("none", "pc", "virtio-mem", "pc-11"):
        assert f"{name}.tar.gz" in text
        assert (FIXTURES / f"{name}.tar.gz").stat().st_size < 1 << 17


def opened(parser: Any, path: Path, offset: int) -> Any:
    root = parser(KaitaiStream(BytesIO(path.read_bytes())))
    root._io.seek(offset)
    root._read()
    return root


def blocks(root: Any) -> list[tuple[int, str, int, int, int]]:
    found = []
    block = root.ram_start.ram.first_block
    while not block.is_end:
        body = block.block
        header = body.mapped_ram
        found.append(
            (block.ofs_self, body.idstr, body.len_pages, header.ofs_bitmap, header.ofs_pages)
        )
        block = block.next
    return found


def theirs(snapshot: Snapshot) -> list[tuple[int, str, int, int, int]]:
    return [
        (b.offset, b.idstr, b.used_length, b.bitmap_offset or 0, b.pages_offset or 0)
        for b in snapshot.stream.blocks
    ]


@pytest.mark.parametrize("name", NAMES)
def test_same_sections_and_blocks(name: str, parser: Any, fixtures: Fixtures) -> None:
    fixture = fixtures[name]
    root = opened(parser, fixture.path, fixture.offset)
    with open_snapshot(fixture.path, fixture.offset, partial=True) as snapshot:
        assert blocks(root) == theirs(snapshot)
        if name in CUT:
            with pytest.raises(EndOfStreamError):
                _ = root.after_ram
            return
        places = [
            one.ofs_self
            for one in (*root.sections, *root.after_ram.sections)
            if one.section_type not in (5, 7)  # the configuration
        ]
        sections = [s.offset for s in snapshot.sections if s.type != 6]
        if name in LESS:
            assert places == sections[: len(places)]
            assert len(places) < len(sections) or snapshot.stream.stopped
        else:
            assert places == sections
        if (text := snapshot.stream.vmdescription) and name not in LESS:
            data = fixture.path.read_bytes()[text.offset :]
            assert root.after_ram.vmdescription.json == data.decode("latin-1")


@pytest.mark.parametrize(
    "name", [n for n in NAMES if n not in CUT and manifest()[n]["size"] <= SIZE_MAX]
)
def test_whole_files_are_written_again(name: str, parser: Any, fixtures: Fixtures) -> None:
    fixture = fixtures[name]
    root = opened(parser, fixture.path, fixture.offset)
    root._fetch_instances()  # noqa: SLF001 - so Kaitai has it
    data = fixture.path.read_bytes()
    written = KaitaiStream(BytesIO(bytes(len(data))))
    written.seek(fixture.offset)
    root._write(written)  # noqa: SLF001 - so Kaitai has it
    assert written.to_byte_array()[fixture.offset :] == data[fixture.offset :]
