"""Decompressing a stream: completely, within limits, and into a file with holes."""

import bz2
import gzip
import lzma
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mappedram import FormatError, TruncatedError, UnsupportedError
from mappedram.format.libvirt import SaveFormat
from mappedram.io.opening import open_source
from mappedram.io.source import Source
from mappedram.stream.libvirt import LibvirtImage, default_limit, detect, open_stream
from tests.conftest import FIXTURES
from tests.files import extents, memory_file
from tests.stream.libvirt.samples import COMPRESSED, Samples, image

MIB = 1 << 20
#: Begins like a stream, has an odd size, and has a hole.
STREAM = b"QEVM\0\0\0\3" + random.Random(1).randbytes(3 * MIB) + bytes(2 * MIB) + b"end"


def by_program(name: str) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        if shutil.which(name) is None:
            pytest.skip(f"no {name}: run tools/install")
        return subprocess.run([name, "-c"], input=data, check=True, stdout=subprocess.PIPE).stdout

    return compress


def zstd(data: bytes) -> bytes:
    library = pytest.importorskip("zstandard")
    compressed: bytes = library.ZstdCompressor(write_checksum=True).compress(data)
    return compressed


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzop": by_program("lzop"),
    "zstd": zstd,
}


@contextmanager
def opened(payload: bytes) -> Iterator[tuple[Source, LibvirtImage]]:
    with memory_file(image(payload)) as fd, open_source(fd) as source:
        found = detect(source)
        assert found is not None
        yield source, found


@pytest.mark.parametrize("name", COMPRESSED)
def test_whole(name: str) -> None:
    with opened(COMPRESS[name](STREAM)) as (source, found):
        assert found.payload == SaveFormat[name.upper()]
        with open_stream(source, found) as (stream, offset):
            assert (offset, stream.size) == (0, len(STREAM))
            assert stream.read(0, len(STREAM)) == STREAM
            holes = stream.size - sum(end - start for start, end in extents(stream.descriptors[0]))
            assert holes >= 2 * MIB - 8192
            assert "decompressed" in stream.name
            (fd,) = stream.descriptors
        assert not Path(f"/proc/self/fd/{fd}").exists()


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd"])
def test_several_streams_behind_each_other(name: str) -> None:
    """As `pzstd` and `pigz -i` write them, and the programs read them."""
    parts = [STREAM[:MIB], STREAM[MIB : MIB + 1], STREAM[MIB + 1 :]]
    with (
        opened(b"".join(map(COMPRESS[name], parts))) as (source, found),
        open_stream(source, found) as (stream, _),
    ):
        assert stream.read(0, len(STREAM) + 1) == STREAM


@pytest.mark.parametrize("name", COMPRESSED)
def test_cut(name: str) -> None:
    payload = COMPRESS[name](STREAM)
    with opened(payload[: len(payload) // 2]) as (source, found):
        with pytest.raises(FormatError, match=name) as caught, open_stream(source, found):
            pass
        if name != "lzop":  # a program gives no reason
            assert isinstance(caught.value, TruncatedError)
            assert caught.value.offset == source.size
        damages: list[FormatError] = []
        with open_stream(source, found, on_damage=damages.append) as (stream, _):
            before = stream.read(0, stream.size)
        assert STREAM.startswith(before)
        assert len(before) > 1000
        assert damages == [caught.value]


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_only_the_trailer_is_cut(name: str) -> None:
    """All compressed data is present."""
    payload = COMPRESS[name](STREAM)
    damages: list[FormatError] = []
    with (
        opened(payload[:-6]) as (source, found),
        open_stream(source, found, on_damage=damages.append) as (stream, _),
    ):
        assert len(damages) == 1
        whole = len(STREAM) if name != "bzip2" else 1000  # bzip2 has its trailer in the last block
        assert len(stream.read(0, stream.size)) >= whole


@pytest.mark.parametrize("name", COMPRESSED)
def test_damaged(name: str) -> None:
    payload = bytearray(COMPRESS[name](STREAM))
    payload[len(payload) // 2 : len(payload) // 2 + 4096] = b"\x55" * 4096
    with (
        opened(bytes(payload)) as (source, found),
        pytest.raises(FormatError, match=name),
        open_stream(source, found),
    ):
        pass


@pytest.mark.parametrize("name", COMPRESSED)
def test_bomb(name: str) -> None:
    with opened(COMPRESS[name](b"QEVM" + bytes(40 * MIB))) as (source, found):
        assert found.file_size < 2 * MIB
        assert default_limit(found) == 1 << 30
        with (
            pytest.raises(UnsupportedError, match="more than 0x100000 bytes"),
            open_stream(source, found, limit=MIB),
        ):
            pass


def test_memory_that_a_decompressor_may_take() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]
    payload = bytearray(lzma.compress(b"QEVM", filters=filters))
    with (
        opened(bytes(payload)) as (source, found),
        pytest.raises(FormatError, match=r"[Mm]emory"),
        open_stream(source, found),
    ):
        pass


def test_missing_program(monkeypatch: pytest.MonkeyPatch, samples: Samples) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    for name in ("lzop", "zstd"):
        with open_source(samples[name].path) as source:
            found = detect(source)
            assert found is not None
            with (
                pytest.raises(UnsupportedError, match=f"install the program {name}"),
                open_stream(source, found, on_damage=lambda _: None),
            ):
                pass


def test_zstd_by_its_program(monkeypatch: pytest.MonkeyPatch, samples: Samples) -> None:
    if shutil.which("zstd") is None:
        pytest.skip("no zstd: run tools/install")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with open_source(samples["zstd"].path) as source:
        found = detect(source)
        assert found is not None
        with open_stream(source, found) as (stream, _):
            assert stream.read(0, 4) == b"QEVM"


def test_plain_streams_are_read_where_they_stand(samples: Samples) -> None:
    with open_source(samples["sparse"].path) as source:
        found = detect(source)
        assert found is not None
        with open_stream(source, found, limit=0) as (stream, offset):
            assert stream is source
            assert offset == found.stream_offset


def test_samples_are_small() -> None:
    assert all(path.stat().st_size < 32 << 10 for path in FIXTURES.glob("libvirt-*.tar.gz"))
