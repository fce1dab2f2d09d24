"""The VM state reads as its clusters say, whatever the sizes and kinds of these."""

from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mappedram.errors import (
    FormatError,
    MappedRamError,
    SnapshotChoiceError,
    TruncatedError,
    UnsupportedError,
)
from mappedram.format.foreign.qcow2 import Compression, IncompatibleFeature
from mappedram.io.opening import DiskImage, internal_snapshots, open_source
from mappedram.io.qcow2 import VmStateSource, clusters
from mappedram.io.qcow2.clusters import CHUNK
from mappedram.io.source import Source
from tests.io.qcow2.images import ALL, Cluster, Image, Snapshot


def opened(image: Image, snapshot: str | None = None) -> Source:
    return open_source(DiskImage(image.build(), snapshot))


def filled(image: Image, number: int) -> bytes:
    """Bytes of a cluster that tell its number, and compress."""
    return (number + 1).to_bytes(4, "little") * (image.cluster_size // 4)


@st.composite
def images(draw: st.DrawFn) -> Image:
    """An image with one snapshot, whose clusters are of every kind."""
    extended = draw(st.booleans())
    image = Image(
        (),
        cluster_bits=draw(st.integers(14 if extended else 9, 16)),
        version=3 if extended else draw(st.sampled_from([2, 3])),
        extended=extended,
        disk_size=draw(st.sampled_from([0, 1 << 9, 1 << 20, 3 << 21])),
    )
    if image.version == 3 and draw(st.booleans()):
        image = Image(
            (), image.cluster_bits, 3, extended, Compression.ZSTD, disk_size=image.disk_size
        )
    # Three tables, where that is no great number of bytes.
    far = 3 * image.l2_size if image.cluster_bits < 12 else 20
    numbers = draw(st.sets(st.integers(0, 12) | st.integers(far - 3, far + 3), min_size=1))
    kinds = st.sampled_from(["stored", "zero", "compressed"])
    return Image(
        (
            Snapshot(
                clusters={
                    number: Cluster(
                        filled(image, number),
                        draw(kinds) if image.version == 3 else "stored",
                        draw(st.sampled_from([ALL, 0, 1, 1 << 31, 0xF0F0]) | st.integers(0, ALL)),
                    )
                    for number in sorted(numbers)
                }
            ),
        ),
        image.cluster_bits,
        image.version,
        extended,
        image.compression,
        image.disk_size,
    )


def expected(image: Image) -> tuple[bytes, list[tuple[int, int]]]:
    """The bytes of the VM state up to the last allocated cluster, and the parts with data."""
    (snapshot,) = image.snapshots
    size = image.cluster_size
    data = bytearray()
    parts: list[tuple[int, int]] = []
    unit = size // (32 if image.extended else 1)
    for number, cluster in sorted(snapshot.clusters.items()):
        whole = cluster.kind == "compressed" or not image.extended
        for index in range(size // unit):
            held = whole or cluster.subclusters >> index & 1
            if not held or (cluster.kind == "zero" and not image.extended):
                continue
            start = number * size + index * unit
            data += (
                bytes(number * size + size - len(data)) if len(data) < number * size + size else b""
            )
            data[start : start + unit] = cluster.data[index * unit : (index + 1) * unit]
            if parts and parts[-1][1] == start:
                parts[-1] = parts[-1][0], start + unit
            else:
                parts.append((start, start + unit))
    return bytes(data), parts


@given(images(), st.sampled_from([16, 128, CHUNK]), st.data())
def test_bytes_and_holes(image: Image, chunk: int, data: st.DataObject) -> None:
    """However many entries are decoded at once: parts of a table, or several tables."""
    whole, parts = expected(image)
    with patch.object(clusters, "CHUNK", chunk), opened(image) as source:
        assert isinstance(source, VmStateSource)
        assert source.size == len(whole)
        assert source.read(0, source.size) == whole
        assert list(source.extents(0, source.size)) == parts
        assert source.allocated == sum(end - start for start, end in parts)
        for _ in range(5):
            start, end = sorted(
                data.draw(st.tuples(*[st.integers(0, source.size + 5)] * 2), "range")
            )
            assert source.read(start, end - start) == whole[start:end]
            inside = [
                (max(one[0], start), min(one[1], end))
                for one in parts
                if one[0] < end and start < one[1]
            ]
            assert list(source.extents(start, end)) == inside
            view = source.view(start, end - start)
            assert view is None or view == whole[start:end]


@given(images(), st.data())
def test_each_cluster_in_its_piece(image: Image, data: st.DataObject) -> None:
    """Vectors are filled in place only where the bytes are in one piece."""
    whole, _ = expected(image)
    if not whole:
        return
    with opened(image) as source:
        start = data.draw(st.integers(0, len(whole) - 1))
        lengths = data.draw(st.lists(st.integers(1, 300), min_size=1, max_size=4))
        end = start + sum(lengths)
        bounds = [start]
        for length in lengths:
            bounds.append(bounds[-1] + length)
        buffers = [bytearray(length) for length in lengths]
        views = [memoryview(buffer) for buffer in buffers]
        if end > len(whole):
            with pytest.raises(TruncatedError):
                source.fill(views, start)
            return
        source.fill(views, start)
        for (first, last), buffer in zip(pairwise(bounds), buffers, strict=True):
            assert buffer == whole[first:last]


@pytest.mark.parametrize("beyond", [0, 1, 5 * 4096])
def test_nothing_behind_the_end(beyond: int) -> None:
    """The last cluster with data ends where one without begins, which must not be taken for it."""
    image = Image((Snapshot(clusters={0: Cluster(b"QEVM"), 1: Cluster(b"", "nothing")}),))
    with opened(image) as source:
        end = source.size + beyond
        assert source.read(end, 1) == b""
        assert list(source.extents(end, end + 1)) == []
        assert source.view(end, 1) is None
        assert source.copy_to(-1, 1, end, 0) == 0
        with pytest.raises(TruncatedError):
            source.fill([memoryview(bytearray(1))], end)


@pytest.mark.parametrize("many", [1, 1024])
def test_tables_in_holes(many: int, tmp_path: Path) -> None:
    """Tables without a byte are left out, where a file tells its holes."""
    numbers = {0: "stored", 512: "nothing", 5 * 512: "stored", 9 * 512: "nothing"}
    clusters_of = {n: Cluster(b"QEVM" * 1024, kind) for n, kind in numbers.items()}
    data = Image((Snapshot(clusters=clusters_of),)).build()
    path = tmp_path / "image.qcow2"
    with path.open("wb") as file:
        for at in range(0, len(data), 4096):
            if any(data[at : at + 4096]):
                file.seek(at)
                file.write(data[at : at + 4096])
        file.truncate(len(data))
    with patch.object(clusters, "_MANY", many), open_source(path) as source:
        assert list(source.extents(0, source.size)) == [
            (n * 4096, (n + 1) * 4096) for n in (0, 5 * 512)
        ]
        assert source.size == (5 * 512 + 1) * 4096
        assert source.read(5 * 512 * 4096 - 4, 8) == bytes(4) + b"QEVM"


def test_places_without_a_disk() -> None:
    """The VM state begins with an L1 entry, behind the disk that the snapshot had."""
    for disk_size in (0, 1, 1 << 20, (1 << 21) + 1):
        image = Image((Snapshot(clusters={0: Cluster(b"QEVM" * 1024)}),), disk_size=disk_size)
        with opened(image) as source:
            assert source.read(0, 8) == b"QEVMQEVM"


def test_disk_of_another_size_today() -> None:
    """A resized disk moves no VM state: the snapshot has its own size."""
    image = Image((Snapshot(clusters={0: Cluster(b"QEVM" * 1024)}),))
    with opened(image.changed(size=1 << 30)) as source:
        assert source.read(0, 4) == b"QEVM"


def test_old_entry_has_the_size_of_today() -> None:
    values = {
        "extra_data_size": 0,
        "vm_state_size_large": None,
        "disk_size": None,
        "icount": None,
    }
    image = Image((Snapshot(clusters={0: Cluster(b"QEVM" * 1024)}, values=values),))
    with opened(image) as source:
        assert isinstance(source, VmStateSource)
        assert source.read(0, 4) == b"QEVM"
        assert source.snapshot.icount is None
    assert internal_snapshots(image.build())[0].disk_size == image.disk_size


# Choosing.


def several() -> Image:
    state = {0: Cluster(b"QEVM" * 1024)}
    return Image(
        (
            Snapshot("disk", values={"vm_state_size_large": 0}),
            Snapshot("3", state),
            Snapshot("three", {0: Cluster(b"3EVM" * 1024)}),
            Snapshot("three", state),
        )
    )


@pytest.mark.parametrize(("wanted", "index"), [("2", 1), ("3", 2), ("three", 2), ("4", 3)])
def test_an_id_comes_first(wanted: str, index: int) -> None:
    with opened(several(), wanted) as source:
        assert isinstance(source, VmStateSource)
        assert source.snapshot.index == index


def test_no_choice() -> None:
    with pytest.raises(SnapshotChoiceError, match=r"several .* '3' \(id 2\), 'three' \(id 3\)"):
        open_source(several().build())
    with pytest.raises(SnapshotChoiceError, match=r"no snapshot 'four'; there is 'disk' \(id 1\)"):
        opened(several(), "four")
    with pytest.raises(UnsupportedError, match="'disk' has no VM state: only the disk was saved"):
        opened(several(), "disk")
    with pytest.raises(UnsupportedError, match="it has no internal snapshot"):
        opened(Image(()))
    with pytest.raises(UnsupportedError, match="it has 1 snapshot, of the disk alone"):
        opened(Image((Snapshot(values={"vm_state_size_large": 0}),)))
    with pytest.raises(UnsupportedError, match="no qcow2 image, so that it has no snapshot 'x'"):
        open_source(DiskImage(b"QEVM", "x"))


def test_the_only_state_of_several_snapshots() -> None:
    image = Image(
        (
            Snapshot("disk", values={"vm_state_size_large": 0}),
            Snapshot("state", {0: Cluster(b"QEVM" * 1024)}),
        )
    )
    with open_source(image.build()) as source:
        assert isinstance(source, VmStateSource)
        assert source.snapshot.name == "state"


# Damage and hostile tables.

GOOD = Image((Snapshot(clusters={0: Cluster(b"QEVM" * 1024), 600: Cluster(b"x" * 4096)}),))


def refused(data: bytes, problem: str, error: type[MappedRamError] = FormatError) -> None:
    with pytest.raises(error, match=problem), open_source(data) as source:
        source.read(0, min(source.size, 1 << 24))


def patched(offset: int, value: bytes) -> bytes:
    data = bytearray(GOOD.build())
    data[offset : offset + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ({"crypt_method": 2}, r"encrypted \(LUKS\)"),
        ({"crypt_method": 1}, r"encrypted \(AES\)"),
        ({"crypt_method": 7}, r"encrypted \(method 7\)"),
        ({"incompatible_features": IncompatibleFeature.DATA_FILE}, "external data file"),
        ({"snapshots_offset": 4095}, "snapshots_offset: expected a multiple of the cluster size"),
        ({"snapshots_offset": 1 << 40}, "within the snapshot table"),
        ({"incompatible_features": IncompatibleFeature.EXTL2}, "too few with extended L2"),
    ],
)
def test_headers(header: dict[str, object], problem: str) -> None:
    refused(GOOD.changed(**header).build(), problem)


@pytest.mark.parametrize(
    ("offset", "value", "problem"),
    [
        (4, b"\0\0\0\4", "version: 4 is no value"),
        (20, b"\0\0\0\x08", "cluster_bits: 8 is no value"),
        (20, b"\0\0\0\x16", "cluster_bits: 22 is no value"),
        (60, b"\0\1\0\1", "nb_snapshots: 65537 is no value"),
        (72, bytes(7) + b"\x20", "incompatible_features: 32 is no value"),
    ],
)
def test_fields(offset: int, value: bytes, problem: str) -> None:
    refused(patched(offset, value), problem)


def test_a_cut_image() -> None:
    data = GOOD.build()
    for length in range(4, 112):
        refused(data[:length], "within the header of a qcow2 image|ends at", FormatError)
    entry = internal_snapshots(data)[0]
    refused(data[: entry.offset + 39], "within the snapshot table", TruncatedError)
    refused(data[: entry.offset + 63], "within the snapshot table", TruncatedError)
    for length in range(0, entry.offset, 512):
        with pytest.raises(MappedRamError):
            open_source(data[:length] or b"QFI\xfb")


def test_a_cluster_behind_the_end() -> None:
    data = GOOD.build()
    behind = (1 << 40 | 1 << 63).to_bytes(8, "big")
    entry = internal_snapshots(data)[0]
    table = int.from_bytes(data[entry.l1_table_offset + 8 :][:8], "big") & ~(1 << 63)
    refused(patched(table, behind), "before a cluster of the VM state", TruncatedError)
    refused(patched(entry.l1_table_offset + 8, behind), "behind the end", TruncatedError)
    refused(patched(table, (4096 + 512).to_bytes(8, "big")), "no beginning of a cluster")
    refused(patched(entry.l1_table_offset + 8, (4096 + 512).to_bytes(8, "big")), "does not begin")
    two = data[table : table + 8]
    refused(patched(table + 8, two), "leads to the cluster of another one")
    twice = data[entry.l1_table_offset + 8 :][:8]
    refused(patched(entry.l1_table_offset + 16, twice), "occurs twice")
    refused(patched(entry.offset, (5).to_bytes(8, "big")), "l1_table_offset: expected a multiple")


@pytest.mark.parametrize("bits", [1 << 32 | 1, 1])
def test_subclusters_that_qemu_refuses(bits: int) -> None:
    state = {0: Cluster(bytes(1 << 14), subclusters=bits)}
    image = Image((Snapshot(clusters=state),), cluster_bits=14, extended=True)
    data = bytearray(image.build())
    entry = internal_snapshots(bytes(data))[0]
    table = int.from_bytes(data[entry.l1_table_offset + 8 :][:8], "big") & ~(1 << 63)
    if bits == 1:
        data[table : table + 8] = bytes(8)
    refused(bytes(data), "subclusters that QEMU refuses")


@pytest.mark.parametrize("compression", Compression)
def test_damaged_compression(compression: Compression) -> None:
    state = {0: Cluster(b"QEVM" * 1024, "compressed")}
    image = Image((Snapshot(clusters=state),), compression=compression)
    data = image.build()
    with open_source(data) as source:
        assert source.read(4, 4) == b"QEVM"
        assert source.view(0, 4) is None
    entry = internal_snapshots(data)[0]
    table = int.from_bytes(data[entry.l1_table_offset + 8 :][:8], "big") & ~(1 << 63)
    place = int.from_bytes(data[table : table + 8], "big") & ((1 << 58) - 1)
    damaged = bytearray(data)
    damaged[place : place + 8] = b"\xff" * 8
    refused(bytes(damaged), "a compressed cluster is damaged|a compressed cluster has")


def test_unknown_compression() -> None:
    state = {0: Cluster(b"QEVM" * 1024, "compressed")}
    image = Image((Snapshot(clusters=state),), compression=Compression.ZSTD)
    refused(image.changed(compression_type=7).build(), "unknown compression")


SMALL = Image(
    (
        Snapshot("one", {0: Cluster(b"QEVM" * 128), 70: Cluster(b"x" * 512, "compressed")}),
        Snapshot("disk", values={"vm_state_size_large": 0}),
    ),
    cluster_bits=9,
    disk_size=1 << 15,
).build()


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SMALL) - 1),
            st.sampled_from([b"\0", b"\1", b"\xff", b"\x7f\xff", b"\xff" * 8, bytes(8)])
            | st.binary(min_size=1, max_size=8),
        ),
        max_size=4,
    ),
    st.integers(0, len(SMALL)) | st.just(len(SMALL)),
    st.sampled_from([None, "one", "disk"]),
)
@example([(0x18, b"\x7f" + b"\xff" * 7)], len(SMALL), "one")
def test_whatever_the_bytes_are(
    changes: list[tuple[int, bytes]], length: int, wanted: str | None
) -> None:
    """A value or an error of this package, and no more memory than the file has."""
    data = bytearray(SMALL)
    for offset, value in changes:
        data[offset : offset + len(value)] = value
    try:
        with open_source(DiskImage(bytes(data[:length]), wanted)) as source:
            for start, end in source.extents(0, source.size):
                assert 0 <= start < end <= source.size
                source.read(start, min(end - start, 1 << 16))
            source.peek(0, 64)
    except MappedRamError:
        return
