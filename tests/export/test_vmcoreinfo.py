"""The note of a Linux kernel: reported by the guest as QEMU takes it, or searched for."""

import struct
from pathlib import Path
from typing import Any

import pytest

import mappedram
from mappedram.export import page_copy
from mappedram.export.mapped_ram import lay_out
from mappedram.export.vmcoreinfo import valid
from tests.cli.conftest import Run
from tests.export.guests import Guest, dump_and_save, loaded, stopped
from tests.export.readers import Note, core
from tests.files import patch
from tools.oracle import OracleBlock, OracleFile

PAGE = 4096
TEXT = b"OSRELEASE=6.1.0-mappedram\nPAGESIZE=4096\nKERNELOFFSET=1a000000\nSYMBOL(x)=ff\n"


def note(
    text: bytes = TEXT, name: bytes = b"VMCOREINFO\0", kind: int = 0, order: str = "<"
) -> bytes:
    head = struct.pack(f"{order}3I", len(name), len(text), kind)
    return head + padded(name) + padded(text)


def padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % 4)


#: Place of the note in RAM, and the values that the guest reported to the device, by case.
PLACE = 300 * PAGE
TOLD: dict[str, dict[str, Any]] = {
    "exact": {"size": len(note())},
    "with slack": {"size": len(note()) + 100},
    "other name": {"size": len(note(name=b"GUEST\0")), "name": b"GUEST\0"},
    "cut off": {"size": len(note()) - 1},
    "of no format": {"size": len(note()), "guest_format": 0},
    "outside of memory": {"size": len(note()), "paddr": 0xE0000000},
    "zeros": {"size": len(note()), "paddr": 0x400000},
}
#: If the memory reads as zeros, QEMU makes a note without name and content.
EMPTY = {"outside of memory": bytes(12), "zeros": bytes(12)}


@pytest.mark.qemu
@pytest.mark.parametrize("name", TOLD)
def test_told_by_the_guest(tmp_path: Path, run: Run, name: str) -> None:
    """The guest reports the note to QEMU; its registers are set as firmware would set them.

    The note is not at the beginning of a page, so that the search does not find it.
    """
    told = {"guest_format": 1, "paddr": PLACE + 8, **TOLD[name]}
    guest = Guest("pc-q35-10.0", more="-device vmcoreinfo")
    text = note(name=told.pop("name", b"VMCOREINFO\0"))
    saved, edited = tmp_path / "saved", tmp_path / "edited"
    with stopped(guest, tmp_path, {PLACE + 8: text}) as machine:
        machine.save(saved)
    with mappedram.open(saved) as snapshot, edited.open("w+b") as stream:
        device = snapshot.state["vmcoreinfo"]
        device["has_vmcoreinfo"] = True
        for field, value in told.items():
            device[f"vmcoreinfo.{field}"] = value
        lay_out(snapshot, stream.fileno())
    with loaded(guest, tmp_path, edited) as machine:
        dump_and_save(machine, tmp_path / "dump", tmp_path / "again")
    outcome = run("convert", "-O", "elf", edited, tmp_path / "elf")
    assert (outcome.status, outcome.err) == (0, "")
    theirs, ours = core(tmp_path / "dump"), core(tmp_path / "elf")
    expected = text if name in ("exact", "with slack", "other name") else b""
    assert b"".join(one.whole for one in ours.notes[2:]) == expected
    assert ours.note_bytes + EMPTY.get(name, b"") == theirs.note_bytes


def snapshot_with(path: Path, pages: dict[int, bytes], runs: list[tuple[int, int]]) -> Path:
    """A PC of 16 MiB with these bytes in its RAM, by offset."""
    model = OracleFile([OracleBlock("pc.ram", 16 << 20, runs)], machine="pc-q35-10.0")
    with path.open("w+b") as stream:
        model.write(stream.fileno())
    with mappedram.open(path) as snapshot, path.open("r+b") as stream:
        for offset, data in pages.items():
            stream.seek((snapshot.blocks[0].model.pages_offset or 0) + offset)
            stream.write(data)
    return path


@pytest.mark.parametrize(
    ("machine", "order"),
    [("s390-ccw-virtio-10.0", ">"), ("pseries-10.0", ">"), ("pc-q35-10.0", "<")],
)
def test_searched_for_in_the_byte_order_of_the_guest(
    tmp_path: Path, run: Run, machine: str, order: str
) -> None:
    idstr = {"s390": "s390.ram", "pser": "ppc_spapr.ram", "pc-q": "pc.ram"}[machine[:4]]
    model = OracleFile([OracleBlock(idstr, 16 << 20, [(0, 512)])], machine=machine)
    path = tmp_path / "file"
    with path.open("w+b") as stream:
        model.write(stream.fileno())
    with mappedram.open(path) as snapshot:
        place = snapshot.blocks[0].model.pages_offset or 0
    patch(path, place + PLACE, note(order=order))
    patch(path, place + PLACE + PAGE, note(order="<>"[order == "<"]))
    notes, _ = found(run, path)
    assert [one.whole for one in notes] == [note(order=order)]


def found(run: Run, path: Path, *args: str) -> tuple[list[Note], str]:
    outcome = run("convert", "-O", "elf", path, path.with_suffix(".elf"), *args)
    assert outcome.status == 0
    return list(core(path.with_suffix(".elf")).notes), outcome.err


@pytest.mark.parametrize(
    ("offset", "data", "there"),
    [
        (PLACE, note(), True),
        (0, note(), True),
        ((16 << 20) - PAGE, note(), True),
        (PLACE, note(TEXT * 40), True),  # continues in the next page
        (PLACE, note(TEXT + b"\0"), True),
        (PLACE + 8, note(), False),
        (PLACE, note(kind=1), False),
        (PLACE, note(name=b"VMCOREINFO"), False),
        (PLACE, note(name=b"VMCOREINFX\0"), False),
        (PLACE, note(b"PAGESIZE=4096\n"), False),
        (PLACE, note(TEXT + b"no value\n"), False),
        (PLACE, note(TEXT + b"\xff=\n"), False),
        (PLACE, note(TEXT)[:4] + b"\xff" * 4 + note(TEXT)[8:], False),
        ((16 << 20) - PAGE, note(TEXT * 60), False),  # longer than memory
    ],
)
def test_searched_for(tmp_path: Path, run: Run, offset: int, data: bytes, there: bool) -> None:
    first = offset // PAGE
    pages = min(-(-(offset + len(data)) // PAGE), 4096)
    room = data[: pages * PAGE - offset]
    path = snapshot_with(tmp_path / "guest", {offset: room}, [(first, pages)])
    notes, _ = found(run, path)
    assert [one.whole for one in notes] == ([data] if there else [])


@pytest.mark.parametrize("args", [(), ("--direct-io",), ("--channels", "3")], ids=str)
@pytest.mark.parametrize("threshold", [page_copy.LONG, 1 << 40])
def test_searched_for_in_runs_that_the_kernel_moves(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], threshold: int
) -> None:
    """Unobserved bytes are read, whether that was expected or not."""
    monkeypatch.setattr(page_copy, "LONG", threshold)
    runs = [(10, 12), (256, 4096)]
    path = snapshot_with(tmp_path / "guest", {11 * PAGE: b"x", 3000 * PAGE: note()}, runs)
    notes, _ = found(run, path, *args)
    assert [one.whole for one in notes] == [note()]


def test_searched_for_in_streams(tmp_path: Path, run: Run) -> None:
    path = snapshot_with(tmp_path / "guest", {PLACE: note()}, [(299, 302)])
    assert run("convert", "-O", "stream", path, tmp_path / "stream").status == 0
    notes, _ = found(run, tmp_path / "stream")
    assert [one.whole for one in notes] == [note()]


def test_many_pages_that_begin_alike(tmp_path: Path, run: Run) -> None:
    """Each would have to be read; their number is limited."""
    head = note()[:24]
    pages = {page * PAGE: head for page in range(4096)}
    path = snapshot_with(tmp_path / "guest", pages, [(0, 4096)])
    notes, err = found(run, path)
    assert notes == []
    assert "more than 1000 pages begin like a VMCOREINFO note" in err


def test_pages_that_are_not_stored_are_not_searched(tmp_path: Path, run: Run) -> None:
    """A note under a clear bit belongs to a page that has become zero."""
    pages = {PLACE: note(), PLACE + 2 * PAGE: b"x"}
    path = snapshot_with(tmp_path / "guest", pages, [(299, 300), (302, 303)])
    assert found(run, path)[0] == []


def test_notes_that_differ_are_told_of(tmp_path: Path, run: Run) -> None:
    other = note(TEXT.replace(b"6.1", b"5.9"))
    runs = [(300, 301), (400, 401), (500, 501)]
    pages = {300 * PAGE: note(), 400 * PAGE: note(), 500 * PAGE: other}
    notes, err = found(run, snapshot_with(tmp_path / "guest", pages, runs))
    assert [one.whole for one in notes] == [note()]
    assert "different VMCOREINFO notes at 0x12c000, 0x190000, 0x1f4000, probably" in err
    del pages[500 * PAGE]
    notes, err = found(run, snapshot_with(tmp_path / "same", pages, runs))
    assert [one.whole for one in notes] == [note()]
    assert "VMCOREINFO" not in err


def test_padding_is_made_good() -> None:
    """The padding of a text that is not a multiple of 4 bytes may be anything."""
    text = TEXT + b"A=\n"
    assert len(text) % 4
    data = note(text)
    assert valid(data[: 24 + len(text)] + b"\xff" * 4) == data
