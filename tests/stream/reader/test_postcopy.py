"""Streams with huge pages that were saved with postcopy-ram on."""

from pathlib import Path

import pytest

import mappedram
from mappedram.check import check
from mappedram.errors import MappedRamError
from mappedram.qemu.loader import verdicts
from tests.qemu.loader.plain_stream import PAGE, PlainStream, RamSection, be

HUGE = 2 << 20
BLOCKS = {b"ram": HUGE, b"rom": PAGE * 16}
#: Pages of `ram` that are not zero.
RUN = range(3, 7)


def stream(page_size: int | None, *, advised: bool = True) -> PlainStream:
    """The page size of the first block follows its length, as in QEMU's ram_save_setup()."""
    made = PlainStream.of(b"none", BLOCKS, {b"ram": [RUN]})
    if advised:
        made.pieces.insert(1, b"\x08" + be(3, 2) + be(16, 2) + be(PAGE | HUGE, 8) + be(PAGE, 8))
    section = next(piece for piece in made.pieces if isinstance(piece, RamSection))
    section.entries[0].rest = b"" if page_size is None else be(page_size, 8)
    return made


def memory(path: Path) -> bytes:
    with mappedram.open(path) as snapshot:
        return snapshot.block["ram"].read(0, HUGE)


@pytest.mark.parametrize("page_size", [None, HUGE, 1 << 30])
def test_pages_are_read_whatever_their_size_on_the_host(
    page_size: int | None, tmp_path: Path
) -> None:
    path, plain = tmp_path / "stream", tmp_path / "plain"
    path.write_bytes(bytes(stream(page_size)))
    plain.write_bytes(bytes(stream(None, advised=False)))
    found = memory(path)
    assert found == memory(plain)
    assert any(found[RUN.start * PAGE : RUN.stop * PAGE])
    assert check(path).verdict != "corrupt"
    assert verdicts(bytes(stream(page_size)))["10.0"].outcome == "loads"


def test_a_page_size_that_nothing_announces_is_no_memory(tmp_path: Path) -> None:
    """Without the command, the list of blocks is damaged there: no page is treated as zero."""
    path = tmp_path / "stream"
    path.write_bytes(bytes(stream(HUGE, advised=False)))
    with pytest.raises(MappedRamError):
        memory(path)
    assert check(path).verdict == "corrupt"
