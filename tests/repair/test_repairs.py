"""Each repair on a file with only its defect restores the sound file, byte by byte."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import mappedram
from mappedram.check import check
from mappedram.format.constants import SectionType
from mappedram.io.opening import open_source
from mappedram.repair import REPAIRS, RepairPlan, plan, write_copy, write_in_place
from tests.check.draft import Draft
from tests.conftest import Fixtures
from tests.files import copy_sparse, extents


def planned(path: Path, offset: int = 0, asked: tuple[str, ...] = ()) -> RepairPlan:
    with open_source(path) as source:
        return plan(source, offset, asked=asked)


def repaired(path: Path, offset: int = 0, asked: tuple[str, ...] = ()) -> Path:
    out = path.with_name("repaired")
    with open_source(path) as source, out.open("w+b") as stream:
        write_copy(plan(source, offset, asked=asked), stream.fileno())
    return out


def flip(draft: Draft, idstr: str, byte: int) -> None:
    offset = draft.block(idstr).bitmap_offset
    assert offset is not None
    draft.write(offset + byte, bytes([draft.read(offset + byte, 1)[0] ^ 0x80]))


def misplace_bitmap(draft: Draft) -> None:
    draft.set_in("pc.ram", "mapped_ram/bitmap_offset", 0x2000)


def move_pages(draft: Draft) -> None:
    draft.set_in("pc.ram", "mapped_ram/pages_offset", 0x101000)


def damage_footer(draft: Draft) -> None:
    section = draft.section(SectionType.FULL, "cpu")
    draft.write(section.payload_end + 1, b"\0\0\0\x63")


def damage_two_footers(draft: Draft) -> None:
    places = [
        draft.section(SectionType.FULL, name).payload_end for name in ("timer", "mc146818rtc")
    ]
    for place in places:
        draft.write(place + 1, b"\0\0\0\x63")


def empty_bitmaps(draft: Draft) -> None:
    with draft.snapshot() as snapshot:
        places = [(b.bitmap_offset, b.bitmap_size) for b in snapshot.stream.blocks]
    for offset, size in places:
        assert offset is not None
        draft.write(offset, bytes(size))


def first_total(draft: Draft) -> str:
    return next(
        element.path for element in draft.snapshot().stream.elements if element.kind == "mem_size"
    )


DAMAGES: dict[str, tuple[Callable[[Draft], object], list[str]]] = {
    "version": (lambda d: d.set_in("pc.bios", "mapped_ram/version", 0), ["header-version"]),
    "page size 0": (lambda d: d.set_in("pc.ram", "mapped_ram/page_size", 0), ["page-size"]),
    "page size 8K": (lambda d: d.set_in("pc.ram", "mapped_ram/page_size", 8192), ["page-size"]),
    "page size 128": (lambda d: d.set_in("pc.bios", "mapped_ram/page_size", 128), ["page-size"]),
    "bitmap elsewhere": (misplace_bitmap, ["bitmap-offset"]),
    "bitmap at 0": (
        lambda d: d.set_in("pc.ram", "mapped_ram/bitmap_offset", 0),
        ["bitmap-offset"],
    ),
    "pages elsewhere": (move_pages, ["pages-offset"]),
    "pages at 0": (lambda d: d.set_in("pc.rom", "mapped_ram/pages_offset", 0), ["pages-offset"]),
    "total": (lambda d: d.set(first_total(d), "total_and_flags", 0x1234004), ["total"]),
    "footer of a device": (damage_footer, ["footer"]),
    "two footers": (damage_two_footers, ["footer", "footer"]),
    "bits beyond": (lambda d: flip(d, "/rom@etc/acpi/rsdp", 5), ["bits-beyond"]),
    "trailing bytes": (lambda d: d.write(d.size, b"garbage" * 999), ["trailing-bytes"]),
    "all bitmaps": (empty_bitmaps, ["bitmap"] * 5),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_sound_file_comes_back(fixtures: Fixtures, tmp_path: Path, damage: str) -> None:
    change, names = DAMAGES[damage]
    sound = fixtures["pc"].path
    draft = Draft(fixtures["pc"], tmp_path)
    change(draft)
    damaged = draft.path.read_bytes()
    todo = planned(draft.path)
    assert [entry.name for entry in todo.made] == names
    assert todo.report.verdict == "clean"
    out = repaired(draft.path)
    assert out.read_bytes() == sound.read_bytes()
    assert out.stat().st_blocks <= draft.path.stat().st_blocks + 64
    assert draft.path.read_bytes() == damaged
    with draft.path.open("r+b") as stream, open_source(stream.fileno()) as source:
        write_in_place(plan(source), stream.fileno())
    assert draft.path.read_bytes() == sound.read_bytes()


def test_every_repair_is_tried_here() -> None:
    elsewhere = {"stream-moved", "block-list", "ram-end", "padding"}
    elsewhere |= {"libvirt-magic", "libvirt-format"}
    tried = {name for _, names in DAMAGES.values() for name in names}
    assert tried | elsewhere == {repair.name for repair in REPAIRS}


def test_two_damages_at_once(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    for name in ("total", "version", "page size 8K", "trailing bytes"):
        DAMAGES[name][0](draft)
    assert repaired(draft.path).read_bytes() == fixtures["pc"].path.read_bytes()


@pytest.mark.parametrize(
    "name", ["pc", "q35", "arm-1k", "live", "numa2", "no-vmdesc", "no-footers", "offset-unaligned"]
)
def test_nothing_to_do(fixtures: Fixtures, name: str) -> None:
    fixture = fixtures[name]
    todo = planned(fixture.path, fixture.offset)
    assert (todo.changes, todo.report.verdict) == ((), "clean")


def test_bitmap_of_a_live_save_is_not_guessed(fixtures: Fixtures, tmp_path: Path) -> None:
    """Stale pages: if a bit is missing, the bytes may or may not be valid."""
    draft = Draft(fixtures["live"], tmp_path)
    flip(draft, "pc.ram", 4)
    misplace_bitmap(draft)
    assert planned(draft.path).made == ()


def test_one_witness_is_no_proof(fixtures: Fixtures, tmp_path: Path) -> None:
    """The only block, no description: nothing decides between two page sizes."""
    draft = Draft(fixtures["none"], tmp_path)
    draft.set_in("ram", "mapped_ram/page_size", 8192)
    os.truncate(draft.path, draft.section(SectionType.VMDESCRIPTION).offset)
    assert planned(draft.path).made == ()


def test_background_snapshot(fixtures: Fixtures) -> None:
    todo = planned(fixtures["background-snapshot"].path)
    assert todo.report.findings == ()
    by_path = {change.path: change for change in todo.changes}
    assert (by_path["/ram/blocks[0]/bitmap"].count, by_path["/ram/blocks[0]/bitmap"].certain) == (
        77,
        True,
    )
    # Zeros have replaced the guest's firmware: the file looks the same as with a lost block.
    bios = by_path["/ram/blocks[3]/bitmap"]
    assert (bios.count, bios.after, bios.certain, bios.edits) == (0, "unknown", False, ())
    assert [change.name for change in todo.changes][-1] == "ram-end"
    assert not any(change.moves for change in todo.changes)


def test_background_snapshot_without_a_part(fixtures: Fixtures, tmp_path: Path) -> None:
    """END is inserted, and the devices move; not possible in place."""
    draft = Draft(fixtures["background-snapshot"], tmp_path)
    part = draft.section(SectionType.PART)
    rest = draft.read(part.end, draft.size)
    os.truncate(draft.path, part.offset)
    draft.write(part.offset, rest)
    todo = planned(draft.path)
    assert (todo.report.verdict, todo.changes[-1].moves) == ("clean", True)
    twin = tmp_path / "twin"
    twin.mkdir()
    other = copy_sparse(fixtures["background-snapshot"].path, twin / "file")
    assert repaired(draft.path).read_bytes() == repaired(other).read_bytes()
    with (
        draft.path.open("r+b") as stream,
        open_source(stream.fileno()) as source,
        pytest.raises(mappedram.BuildError, match="moves"),
    ):
        write_in_place(plan(source), stream.fileno())


def test_killed_save_can_be_read_and_never_looks_whole(fixtures: Fixtures, tmp_path: Path) -> None:
    path = copy_sparse(fixtures["killed"].path, tmp_path / "killed")
    out = repaired(path)
    report = check(out)
    assert [finding.code for finding in report.findings] == ["MR002"]
    assert not any(change.certain for change in planned(path).made)
    with mappedram.open(out) as snapshot, mappedram.open(fixtures["pc"].path) as whole:
        assert snapshot.stream.ram_ended
        assert not snapshot.complete
        pages = [page for first, last in snapshot.block["pc.ram"].runs() for page in (first, last)]
        assert pages
        for first, last in snapshot.block["pc.ram"].runs().tolist():
            for page in range(first, last):
                assert snapshot.block["pc.ram"].page(page) == whole.block["pc.ram"].page(page)


@pytest.mark.parametrize("kept", ["eos", "footer", "part", "half a part"])
def test_killed_at_any_moment(fixtures: Fixtures, tmp_path: Path, kept: str) -> None:
    draft = Draft(fixtures["killed"], tmp_path)
    start, part = draft.section(SectionType.START), draft.section(SectionType.PART)
    end = {
        "eos": start.payload_end,
        "footer": start.end,
        "part": part.end,
        "half a part": part.offset + 3,
    }
    os.truncate(draft.path, end[kept])
    out = repaired(draft.path)
    with mappedram.open(out) as snapshot:
        assert snapshot.stream.ram_ended
        assert snapshot.stream.end == snapshot.stream.file_size
        assert {section.footer_id for section in snapshot.sections} == {1}
    assert [finding.code for finding in check(out).findings] == ["MR002"]


@pytest.mark.parametrize("where", ["header", "pages", "end of pages", "eos"])
def test_file_ends_in_the_last_block(fixtures: Fixtures, tmp_path: Path, where: str) -> None:
    """QEMU lays out all blocks before it writes pages: all written bytes are there."""
    draft = Draft(fixtures["killed"], tmp_path)
    last = draft.block("/rom@etc/acpi/rsdp")
    assert last.pages_offset is not None
    end = {
        "header": last.header_end,
        "pages": last.pages_offset + 100,
        "end of pages": last.next_offset,
        "eos": last.next_offset + 3,
    }
    os.truncate(draft.path, end[where])
    todo = planned(draft.path)
    assert {"block-list", "bitmap", "ram-end"} == {change.name for change in todo.made}
    whole = repaired(copy_sparse(fixtures["killed"].path, tmp_path / "whole"))
    with mappedram.open(whole) as one, mappedram.open(repaired(draft.path)) as two:
        for block in one.blocks:
            again = two.block[block.idstr]
            assert again.read(0, block.used_length) == block.read(0, block.used_length)
    assert [finding.code for finding in check(repaired(draft.path)).findings] == ["MR002"]


def test_copy_that_was_cut_keeps_its_bitmaps(fixtures: Fixtures, tmp_path: Path) -> None:
    """Written bitmaps are final: bytes of pages that became zero do not come back."""
    draft = Draft(fixtures["live"], tmp_path)
    os.truncate(draft.path, draft.section(SectionType.END).offset)
    changes = {change.path: change for change in planned(draft.path).changes}
    kept = changes["/ram/blocks[0]/bitmap"]
    assert (kept.count, kept.certain, kept.edits) == (0, False, ())
    with (
        mappedram.open(fixtures["live"].path) as sound,
        mappedram.open(repaired(draft.path)) as snapshot,
    ):
        for block in sound.blocks:
            again = snapshot.block[block.idstr]
            assert again.read(0, block.used_length) == block.read(0, block.used_length)


def test_save_without_a_page(fixtures: Fixtures, tmp_path: Path) -> None:
    """Zeros that look like memory are not a repair."""
    draft = Draft(fixtures["killed"], tmp_path)
    with draft.snapshot() as snapshot:
        areas = [(block.pages_offset, block.used_length) for block in snapshot.stream.blocks]
    for offset, length in areas:
        assert offset is not None
        draft.write(offset, bytes(length))
    assert planned(draft.path).made == ()


def test_zeros_behind_a_killed_save_are_no_end(fixtures: Fixtures, tmp_path: Path) -> None:
    """EOF is a zero byte: a preallocated file must not become one without devices."""
    draft = Draft(fixtures["killed"], tmp_path)
    part = draft.section(SectionType.PART)
    os.truncate(draft.path, part.end)
    os.truncate(draft.path, part.end + 4096)
    assert "ram-end" not in {change.name for change in planned(draft.path).made}


def test_interrupted_in_place_goes_on(fixtures: Fixtures, tmp_path: Path) -> None:
    """After any prefix of the writes, the next run has the same result."""
    path = copy_sparse(fixtures["background-snapshot"].path, tmp_path / "file")
    goal = repaired(path).read_bytes()
    with open_source(path) as source:
        edits = plan(source).source.edits
    for done in range(len(edits)):
        half = copy_sparse(fixtures["background-snapshot"].path, tmp_path / "half")
        with half.open("r+b") as stream:
            for edit in edits[:done]:
                os.pwrite(stream.fileno(), edit.data, edit.offset)
            os.pwrite(stream.fileno(), edits[done].data[:7], edits[done].offset)
        # Complete only with the very last byte, so that no part is taken for the whole.
        with mappedram.open(half) as snapshot:
            assert snapshot.stream.ram_ended == (done == len(edits) - 1)
        assert repaired(half).read_bytes() == goal


def test_a_file_that_is_being_written_is_refused(fixtures: Fixtures, tmp_path: Path) -> None:
    path = copy_sparse(fixtures["background-snapshot"].path, tmp_path / "file")
    with path.open("r+b") as stream, open_source(stream.fileno()) as source:
        todo = plan(source)
        stream.seek(0)
        stream.write(b"Q")
        stream.flush()
        os.utime(path, ns=(0, 0))
        for write in (write_copy, write_in_place):
            with pytest.raises(mappedram.BuildError, match="another program writes"):
                write(todo, stream.fileno())


@pytest.mark.parametrize("distance", [0x1000, 0x300000])
def test_stream_that_was_moved(fixtures: Fixtures, tmp_path: Path, distance: int) -> None:
    """Offsets count from the beginning of the file; if it moves, they are wrong."""
    fixture = fixtures["pc"]
    path = tmp_path / "moved"
    with open_source(fixture.path) as source, path.open("w+b") as stream:
        for start, end in source.extents(0, source.size):
            os.pwrite(stream.fileno(), source.read(start, end - start), start + distance)
    out = repaired(path, distance)
    assert check(out, distance).verdict in ("clean", "harmless")
    with mappedram.open(out, distance) as snapshot, mappedram.open(fixture.path) as sound:
        for block in sound.blocks:
            moved = snapshot.block[block.idstr]
            assert moved.read(0, block.used_length) == block.read(0, block.used_length)


def test_padding_only_if_asked(fixtures: Fixtures, tmp_path: Path) -> None:
    draft = Draft(fixtures["pc"], tmp_path)
    draft.write(0x80000, b"dirt")
    assert planned(draft.path).changes == ()
    (change,) = planned(draft.path, asked=("padding",)).changes
    assert (change.name, change.count) == ("padding", 4)
    out = repaired(draft.path, asked=("padding",))
    assert out.read_bytes() == fixtures["pc"].path.read_bytes()


# Save images of libvirt.


def image(
    fixture: Path, path: Path, magic: bytes, kind: int, order: str, offset: int = 0x1239
) -> Path:
    """A save image of libvirt around a stream that begins at `offset` of its file."""
    assert order in ("little", "big")
    numbers = (2, offset - 92, 0, kind, 0)
    fields = b"".join(number.to_bytes(4, order) for number in numbers)  # type: ignore[arg-type]
    copy_sparse(fixture, path)
    with path.open("r+b") as stream:
        stream.write((magic + fields).ljust(92, b"\0") + b"<domain/>\0".ljust(offset - 92, b"\0"))
    return path


@pytest.mark.parametrize("order", ["little", "big"])
def test_libvirt_magic(fixtures: Fixtures, tmp_path: Path, order: str) -> None:
    sound = fixtures["offset-unaligned"]
    path = image(sound.path, tmp_path / "image", b"LibvirtQemudPart", 6, order)
    (change,) = planned(path).changes
    assert (change.name, change.offset) == ("libvirt-magic", 0)
    assert change.note is not None
    out = repaired(path)
    assert out.read_bytes()[:16] == b"LibvirtQemudSave"
    assert out.read_bytes()[16:] == path.read_bytes()[16:]


def test_libvirt_magic_of_a_broken_save_stays(fixtures: Fixtures, tmp_path: Path) -> None:
    sound = fixtures["offset-unaligned"]
    path = image(sound.path, tmp_path / "image", b"LibvirtQemudPart", 6, "little")
    with mappedram.open(path, sound.offset) as snapshot:
        end = next(s for s in snapshot.sections if s.type == SectionType.EOF)
    os.truncate(path, end.offset)
    assert planned(path).changes == ()


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("magic", [b"LibvirtQemudSave", b"LibvirtQemudPart"])
def test_libvirt_label(fixtures: Fixtures, tmp_path: Path, order: str, magic: bytes) -> None:
    plain = fixtures["plain"].path.read_bytes()
    container = tmp_path / "plain"
    container.write_bytes(bytes(0x1239) + plain)
    path = image(container, tmp_path / "image", magic, 6, order)
    todo = planned(path)
    names = ["libvirt-magic"] if magic.endswith(b"Part") else []
    assert [change.name for change in todo.changes] == [*names, "libvirt-format"]
    assert todo.report.verdict == "clean"
    assert repaired(path).read_bytes()[28:32] == bytes(4)


def test_libvirt_label_that_is_right_stays(fixtures: Fixtures, tmp_path: Path) -> None:
    sound = fixtures["offset-unaligned"]
    path = image(sound.path, tmp_path / "image", b"LibvirtQemudSave", 6, "little")
    assert planned(path).changes == ()
    assert planned(path).report.verdict == "clean"


def test_copy_without_holes(fixtures: Fixtures, tmp_path: Path) -> None:
    """A copy without holes is repaired equally."""
    path = tmp_path / "dense"
    path.write_bytes(fixtures["background-snapshot"].path.read_bytes())
    assert len(extents(path)) == 1
    sparse = copy_sparse(fixtures["background-snapshot"].path, tmp_path / "sparse")
    assert repaired(path).read_bytes() == repaired(sparse).read_bytes()
