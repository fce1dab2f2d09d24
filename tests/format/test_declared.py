"""The declarations are the only source of sizes, numbers and dependent values."""

import re
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.format import drivers, file, live, ram, section, stream
from mappedram.format.complete import complete, lengths
from mappedram.format.constants import SectionType
from mappedram.format.drivers.construct_driver import ConstructDriver
from mappedram.format.members import member, members
from mappedram.format.typed import Fields
from mappedram.format.validity import Equals
from mappedram.io.file_source import FileSource
from mappedram.stream.reader import read_stream
from mappedram.stream.writer.build import Built, build
from tests.files import memory_file
from tests.test_structure import modules
from tools.oracle import OracleBlock, OracleFile
from tools.rooms import PACKAGE

CONSTRUCT = drivers.get("construct")

#: Modules that convert bytes to numbers by hand, and why.
APART = {
    "format": "the declarations",
    "qemu/loader": "a model of QEMU, which must not share our reader's errors",
    "stream/reader/records.py": "page records of plain streams, read in bulk",
    "stream/reader/rows.py": "page records of plain streams, read in bulk",
    "stream/page_records.py": "page records of plain streams, read in bulk",
    "export/metadump/records.py": "page records of plain streams, read in bulk",
    "export/stream.py": "page records of plain streams, written in bulk",
    "stream/vmstate": "the fields of devices, which the JSON text declares",
    "guest/physical": "tables of firmware and of PCI",
    "guest/restore": "the state of PCI and virtio, which no JSON text describes",
    "fuzz": "changes bytes of any field",
    "fuzz/derived/files.py": "the argument of a command",
    "check/repairs/session.py": "changes bytes of any field",
    "stream/reader/footer.py": "looks for what could be a section, also where none is whole",
    "check/rules/envelope.py": "shows the flags of a record that is no structure of its own",
    "stream/bitmap.py": "words of the host",
    "qemu/capture/monitor.py": "who is at the other end of a socket",
}
#: Conversions between bytes and big-endian numbers.
BY_HAND = re.compile(
    r"""(from_bytes|to_bytes)\([^()\n]*(\([^()]*\)[^()\n]*)*["']big["']|Struct\(["'][>!]"""
    r"|struct\.(un)?pack"
)
#: A structure size written as a number.
SIZE = re.compile(r"^_?[A-Z_]*(HEADER|FOOTER|EOS|START)(_SIZE|_LENGTH)?(: int)? = \d", re.MULTILINE)


def _is_apart(path: Path) -> bool:
    name = str(path.relative_to(PACKAGE))
    return any(name == part or name.startswith(f"{part}/") for part in APART)


def test_no_number_of_the_format_is_taken_out_of_bytes_elsewhere() -> None:
    found = {path for path in modules() if BY_HAND.search(path.read_text(encoding="utf-8"))}
    assert {str(path.relative_to(PACKAGE)) for path in found if not _is_apart(path)} == set()
    assert any(map(_is_apart, found))


def test_no_size_of_a_structure_is_stated_elsewhere() -> None:
    for path in modules():
        if not _is_apart(path) and path.parent.name != "guest/physical":
            assert not SIZE.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("text", ['int.from_bytes(data[1:5], "big")', "n.to_bytes(8, 'big')"])
def test_a_number_by_hand_would_be_seen(text: str) -> None:
    assert BY_HAND.search(text)


def test_a_size_would_be_seen() -> None:
    assert SIZE.search("import os\n_FOOTER_SIZE = 5\n")
    assert not SIZE.search("_FOOTER_SIZE: int = SectionFooter.sizeof()\n")


def test_lengths_follow_from_what_they_measure() -> None:
    values: Any = complete(section.SectionStart, {"idstr": "timer", "section_id": 2})
    assert values["len_idstr"] == 5
    assert values["instance_id"] is None
    listed: list[Fields] = [{"name": "mapped-ram"}, {"name": ""}]
    values = complete(
        stream.ConfigurationSubsection,
        {"idstr": "configuration/capabilities", "body": {"capabilities": listed}},
    )
    assert values["len_idstr"] == 26
    assert values["body"]["caps_count"] == 2
    assert [one["len_name"] for one in values["body"]["capabilities"]] == [10, 0]
    values = complete(ram.PageRecord, {"xbzrle": {"encoded": b"abc"}})
    assert values["xbzrle"]["xh_len"] == 3
    assert values["len_compressed"] is None


def test_a_length_that_is_given_stays_wrong() -> None:
    assert complete(section.SectionStart, {"idstr": "timer", "len_idstr": 9})["len_idstr"] == 9


def test_which_fields_are_lengths() -> None:
    assert lengths(live.DirtyBitmapChunk) == {"len_node_name", "len_bitmap_name"}
    assert lengths(section.SectionFooter) == frozenset()


def test_a_constant_follows_only_where_the_field_is_always_there() -> None:
    assert member(section.SectionFooter, "section_type").constant == SectionType.FOOTER
    assert complete(section.SectionFooter, {})["section_type"] == SectionType.FOOTER
    assert member(ram.PageRecord, "fill").validity == Equals(0)
    assert complete(ram.PageRecord, {})["fill"] is None


def test_a_field_says_which_structure_another_one_is() -> None:
    body = member(stream.ConfigurationSubsection, "body")
    assert body.chooser == "idstr"
    for idstr, structure in stream.SUBSECTIONS.items():
        assert body.chosen({"idstr": idstr}) is structure
    with pytest.raises(KeyError):
        body.chosen({"idstr": "configuration/other"})
    header = member(ram.RamBlockHeader, "mapped_ram")
    assert header.chooser is None
    assert members(header.chosen({})) == members(ram.MappedRamHeader)


def test_wrappings_of_fields_are_looked_through_in_one_place() -> None:
    found = {path for path in modules() if "thensubcon" in path.read_text(encoding="utf-8")}
    assert found == {PACKAGE / "format" / "members.py"}


def test_a_section_is_built_of_what_does_not_follow() -> None:
    header: Fields = {
        "section_type": SectionType.FULL,
        "section_id": 7,
        "idstr": "timer",
        "instance_id": 0,
        "version_id": 2,
    }
    for name in drivers.DRIVERS:
        built = build(
            drivers.get(name), file.Section, {"header": header, "payload": b"xy", "footer": {}}
        )
        assert built == (b"\4\0\0\0\7\5timer\0\0\0\0\0\0\0\2" + b"xy" + b"\x7e\0\0\0\7")


def test_blocks_get_their_places_from_those_before() -> None:
    built = Built(CONSTRUCT, 0x5000, align=1 << 12, word_size=4)
    built.said.mapped_ram = True
    header: Fields = {"used_length": 0x21000, "mapped_ram": {"page_size": 0x1000}}
    blocks: list[Fields] = [{"header": {"idstr": name, **header}} for name in ("a", "bc")]
    built.add(file.RamList, {"blocks": blocks})
    places = {area.path: (area.offset, area.length) for area in built.areas}
    # MEM_SIZE, a header of 38 bytes, two words of four bytes for 33 pages.
    assert places["/ram/blocks[0]/bitmap"] == (0x5000 + 8 + 38, 8)
    assert places["/ram/blocks[0]/pages"] == (0x6000, 0x21000)
    assert places["/ram/blocks[1]/bitmap"] == (0x27000 + 39, 8)
    assert places["/ram/blocks[1]/pages"] == (0x28000, 0x21000)
    assert built.position == 0x49000
    total = built.elements[0].fields["total_and_flags"]
    assert total == 0x42000 | 4


def test_a_structure_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if values depend on its end, as the place of a bitmap does."""
    kinds: list[str] = []
    build_one = ConstructDriver.build

    def noted(driver: ConstructDriver, kind: Any, *rest: Any) -> bytes:
        kinds.append(kind)
        return build_one(driver, kind, *rest)

    monkeypatch.setattr(ConstructDriver, "build", noted)
    mapped_ram = {"page_size": 0x1000}
    header: dict[str, Any] = {"idstr": "a", "used_length": 0x2000, "mapped_ram": mapped_ram}
    made = Built(CONSTRUCT)
    made.said.mapped_ram = True
    made.add(file.RamList, {"blocks": [{"header": header}]})
    assert kinds == ["mem_size", "ramblock_header"]


def test_a_block_without_data_takes_no_room() -> None:
    built = Built(CONSTRUCT)
    built.said.mapped_ram = True
    nowhere = {"page_size": 0x1000, "bitmap_offset": 0, "pages_offset": 0}
    header: Fields = {"idstr": "a", "used_length": 0x1000, "mapped_ram": nowhere}
    built.add(file.RamList, {"blocks": [{"header": header}]})
    assert built.areas == []
    assert built.position == 8 + 38


@pytest.mark.parametrize("parts", [1, 2, 500])
@pytest.mark.parametrize("footers", [True, False])
def test_sections_that_are_alike_are_all_there(parts: int, footers: bool) -> None:
    """Copies are skipped together, with the same result as parsing each."""
    model = OracleFile([OracleBlock("a", 0x2000)], parts=parts, footers=footers)
    with memory_file() as fd:
        model.write(fd)
        with mappedram.open(fd) as snapshot:
            stream = snapshot.stream
            found = [section for section in stream.sections if section.type == SectionType.PART]
            assert [section.path for section in found] == [
                f"/sections[{number}]" for number in range(1, parts + 1)
            ]
            size = len(model.end_of_section()) + 5
            assert [section.offset for section in found] == [
                found[0].offset + number * size for number in range(parts)
            ]
            for element in stream.elements:
                values, length = CONSTRUCT.parse(
                    element.kind,
                    snapshot.source.read(element.offset, element.length),
                    element.params,
                )
                assert (values, length) == (element.values, element.length)
            assert stream.stopped is None


def test_no_page_is_read_to_find_sections_that_are_alike() -> None:
    """The START of RAM ends after gigabytes of pages."""
    model = OracleFile([OracleBlock("a", 64 << 30)], parts=2)
    with memory_file() as fd:
        model.write(fd)
        with Watched(fd, "watched", owned=False) as source:
            read_stream(source, 0, CONSTRUCT)
            assert source.read_bytes < 1 << 20


class Watched(FileSource):
    """Counts the bytes that are read."""

    read_bytes = 0

    def read(self, offset: int, length: int) -> bytes:
        data = super().read(offset, length)
        self.read_bytes += len(data)
        return data


@pytest.mark.parametrize(
    ("version", "page_size", "expected"),
    [(1, 4096, True), (0, 1024, True), (2, 4096, False), (1, 4097, False), (1, 0, False)],
)
def test_a_mapped_ram_header_is_told_by_its_beginning(
    version: int, page_size: int, expected: bool
) -> None:
    beginning = version.to_bytes(4, "big") + page_size.to_bytes(8, "big")
    size = ram.mapped_ram_beginning_size({})
    assert size == len(beginning) < ram.mapped_ram_header_size({"has_addr": True}) == 28
    assert ram.is_mapped_ram_beginning(beginning, {}) is expected
    assert not ram.is_mapped_ram_beginning(beginning[:-1], {})
