"""`spec/qcow2.ksy` follows an image without our code, and finds the same."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappedram.format import drivers
from mappedram.format.foreign.qcow2 import COMPRESSED, OFFSET_MASK, ZERO
from mappedram.format.structures import QCOW2_L1_ENTRY, QCOW2_L2_ENTRY
from mappedram.io.opening import open_source
from mappedram.io.qcow2 import VmStateSource
from mappedram.io.qcow2.clusters import ClusterMap, Where
from tests.io.qcow2.images import Cluster, Image, Snapshot

ROOT = import_module("mappedram.format.kaitai.qcow2").Qcow2
DRIVERS = [drivers.get(name) for name in drivers.DRIVERS]


@pytest.mark.parametrize(("bits", "extended"), [(9, False), (12, False), (16, False), (14, True)])
def test_same_clusters(bits: int, extended: bool, tmp_path: Path) -> None:
    size = 1 << bits
    clusters = {number: Cluster(bytes([number]) * size) for number in (0, 1, 2, 5)}
    disk = Snapshot("disk", values={"vm_state_size_large": 0, "extra_data_size": 29})
    odd = Snapshot("disk", values={**disk.values, "unknown_extra_data": b"later"})
    image = Image((odd, Snapshot("état", clusters)), bits, extended=extended)
    path = tmp_path / "image.qcow2"
    path.write_bytes(image.build())
    with ROOT.from_file(str(path)) as parsed, open_source(path) as source:
        parsed._read()
        assert isinstance(source, VmStateSource)
        assert (parsed.header.len_cluster, parsed.header.num_l2) == (size, image.l2_size)
        found = [place.snapshot for place in parsed.snapshots]
        assert [one.name.decode() for one in found] == ["disk", "état"]
        ours = source.snapshot
        assert (found[1].ofs_l1, found[1].num_l1) == (ours.l1_table_offset, ours.l1_size)
        assert parsed.snapshots[1].ofs == ours.offset
        skipped = -(-ours.disk_size // (size * image.l2_size))
        (table,) = parsed.snapshots[1].l1_table[skipped:]
        theirs = {n: e.ofs_cluster for n, e in enumerate(table.l2_table[:8]) if e.ofs_cluster}
        assert list(theirs) == list(clusters)
        places = {
            piece.start // size + index: piece.place + index * size
            for piece in ClusterMap(source.image, source.snapshot).pieces(0, source.size)
            if piece.where == Where.STORED
            for index in range((piece.end - piece.start) // size)
        }
        assert places == theirs


@pytest.mark.parametrize("bits", range(9, 22))
@pytest.mark.parametrize("extended", [False, True])
def test_same_sizes(bits: int, extended: bool) -> None:
    image = Image((), bits, extended=extended)
    header = ROOT.Qcow2Header(*_stream(image.build()))
    header._read()
    assert (header.len_cluster, header.num_l2) == (1 << bits, image.l2_size)


@given(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1))
def test_same_bits(word: int, bitmap: int) -> None:
    """The masks of our code are the bit fields of the spec."""
    data = word.to_bytes(8, "big") + bitmap.to_bytes(8, "big")
    for extended in (False, True):
        params = {"is_extended": extended}
        results = [driver.parse(QCOW2_L2_ENTRY, data, params) for driver in DRIVERS]
        assert results[0] == results[1]
        assert results[0][0]["l2_entry"] == word
        assert results[0][0]["subclusters"] == (bitmap if extended else None)
    entry = ROOT.Qcow2L2Entry(False, *_stream(data))
    entry._read()
    assert entry.ofs_cluster == word & OFFSET_MASK
    assert entry.is_compressed == bool(word & COMPRESSED)
    assert entry.is_zero == bool(word & ZERO)
    first = ROOT.Qcow2L1Entry(*_stream(data))
    first._read()
    assert first.ofs_l2 == int(np.uint64(word) & np.uint64(OFFSET_MASK))
    assert DRIVERS[0].parse(QCOW2_L1_ENTRY, data, {}) == DRIVERS[1].parse(QCOW2_L1_ENTRY, data, {})


def _stream(data: bytes) -> tuple[object]:
    from io import BytesIO

    from kaitaistruct import KaitaiStream

    return (KaitaiStream(BytesIO(data)),)
