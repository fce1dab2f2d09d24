"""Small qcow2 images with a VM state, built piece by piece."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import zstandard

from mappedram.format import drivers
from mappedram.format.foreign.qcow2 import COMPRESSED, ZERO, Compression, IncompatibleFeature
from mappedram.format.structures import QCOW2_HEADER, QCOW2_SNAPSHOT, Qcow2Header, Qcow2Snapshot

COPIED = 1 << 63
_DRIVER = drivers.get("construct")
#: Bits of an entry whose subclusters are all allocated.
ALL = (1 << 32) - 1


@dataclass(frozen=True)
class Cluster:
    """One cluster of the VM state.

    Attributes:
        data: its bytes.
        kind: `stored`, `compressed`, `zero`, which has bytes that do not count, or `nothing`, which
            has only a table.
        subclusters: with extended L2 entries, the bits of those that are allocated.
    """

    data: bytes = b""
    kind: str = "stored"
    subclusters: int = ALL


@dataclass(frozen=True)
class Snapshot:
    """One snapshot: its name, its clusters by number, and values for its table entry."""

    name: str = "one"
    clusters: Mapping[int, Cluster] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """An image with snapshots."""

    snapshots: Sequence[Snapshot]
    cluster_bits: int = 12
    version: int = 3
    extended: bool = False
    compression: Compression = Compression.ZLIB
    disk_size: int = 1 << 20
    header: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cluster_size(self) -> int:
        return 1 << self.cluster_bits

    @property
    def l2_size(self) -> int:
        return self.cluster_size // (16 if self.extended else 8)

    def build(self) -> bytes:
        return _Writer(self).image()

    def changed(self, **header: Any) -> "Image":
        return replace(self, header={**self.header, **header})


class _Writer:
    """An image that grows cluster by cluster."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._size = image.cluster_size
        self._bytes = bytearray(3 * self._size)  # header, refcount table, refcount block
        self._covered = self._size * image.l2_size
        self._skipped = -(-image.disk_size // self._covered)

    def image(self) -> bytes:
        entries = b""
        for number, snapshot in enumerate(self._image.snapshots):
            entries += bytes(-len(entries) % 8) + self._entry(snapshot, number + 1)
        active = self._put(bytes(8 * max(1, self._skipped)))
        table = self._put(entries) if entries else 0
        header = _DRIVER.build(QCOW2_HEADER, self._header(active, table), {})
        self._bytes[: len(header)] = header
        self._bytes[self._size : self._size + 8] = (2 * self._size).to_bytes(8, "big")
        return bytes(self._bytes)

    def _header(self, active: int, table: int) -> Qcow2Header:
        image = self._image
        newer = image.version == 3
        features = IncompatibleFeature(0)
        if image.extended:
            features |= IncompatibleFeature.EXTL2
        if image.compression != Compression.ZLIB:
            features |= IncompatibleFeature.COMPRESSION
        values: Qcow2Header = {
            "magic": b"QFI\xfb",
            "version": image.version,
            "backing_file_offset": 0,
            "backing_file_size": 0,
            "cluster_bits": image.cluster_bits,
            "size": image.disk_size,
            "crypt_method": 0,
            "l1_size": max(1, self._skipped),
            "l1_table_offset": active,
            "refcount_table_offset": self._size,
            "refcount_table_clusters": 1,
            "nb_snapshots": len(image.snapshots),
            "snapshots_offset": table,
            "incompatible_features": int(features) if newer else None,
            "compatible_features": 0 if newer else None,
            "autoclear_features": 0 if newer else None,
            "refcount_order": 4 if newer else None,
            "header_length": 112 if newer else None,
            "compression_type": int(image.compression) if newer else None,
        }
        return {**values, **image.header}  # type: ignore[typeddict-item]

    def _entry(self, snapshot: Snapshot, number: int) -> bytes:
        l1 = self._l1_table(snapshot.clusters)
        values: Qcow2Snapshot = {
            "l1_table_offset": self._put(l1),
            "l1_size": len(l1) // 8,
            "id_str_size": len(str(number)),
            "name_size": len(snapshot.name.encode()),
            "date_sec": 1_700_000_000 + number,
            "date_nsec": 0,
            "vm_clock_nsec": 3_723_004_000_000,
            "vm_state_size": 1,
            "extra_data_size": 24,
            "vm_state_size_large": 1,
            "disk_size": self._image.disk_size,
            "icount": (1 << 64) - 1,
            "unknown_extra_data": b"",
            "id_str": str(number).encode(),
            "name": snapshot.name.encode(),
        }
        values.update(snapshot.values)  # type: ignore[typeddict-item]
        return _DRIVER.build(QCOW2_SNAPSHOT, values, {})

    def _l1_table(self, clusters: Mapping[int, Cluster]) -> bytes:
        count = max((number // self._image.l2_size + 1 for number in clusters), default=0)
        table = [0] * (self._skipped + count)
        for index in range(count):
            first = index * self._image.l2_size
            held = {
                n - first: c for n, c in clusters.items() if 0 <= n - first < self._image.l2_size
            }
            if held:
                table[self._skipped + index] = self._put(self._l2_table(held)) | COPIED
        return b"".join(entry.to_bytes(8, "big") for entry in table)

    def _l2_table(self, clusters: Mapping[int, Cluster]) -> bytes:
        width = 2 if self._image.extended else 1
        words = [0] * (self._image.l2_size * width)
        for number, cluster in clusters.items():
            words[number * width] = self._l2_entry(cluster)
            if self._image.extended and cluster.kind not in ("compressed", "nothing"):
                words[number * width + 1] = cluster.subclusters
        return b"".join(word.to_bytes(8, "big") for word in words)

    def _l2_entry(self, cluster: Cluster) -> int:
        if cluster.kind == "nothing":
            return 0
        if cluster.kind == "compressed":
            return self._compressed(cluster.data)
        place = self._put(cluster.data)
        return place | COPIED | (ZERO if cluster.kind == "zero" and not self._image.extended else 0)

    def _compressed(self, data: bytes) -> int:
        if self._image.compression == Compression.ZSTD:
            packed = zstandard.ZstdCompressor().compress(data)
        else:
            packer = zlib.compressobj(wbits=-12)
            packed = packer.compress(data) + packer.flush()
        # Not at the beginning of a sector, as other compressed clusters precede it.
        place = self._put(bytes(37) + packed + b"other bytes") + 37
        bits = 62 - (self._image.cluster_bits - 8)
        sectors = (place + len(packed) - 1) // 512 - place // 512
        return COMPRESSED | sectors << bits | place

    def _put(self, data: bytes) -> int:
        """Put data into new clusters; return its offset."""
        offset = len(self._bytes)
        self._bytes += data + bytes(-len(data) % self._size)
        return offset
