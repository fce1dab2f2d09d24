"""Save images that we write: equal to libvirt's, and never marked complete too early."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import mappedram
from mappedram import BuildError
from mappedram.export import libvirt
from mappedram.export.libvirt import write_libvirt_sparse
from mappedram.export.mapped_ram import OutputLayout
from mappedram.io.opening import open_source
from mappedram.stream.libvirt import detect, open_any
from tests.conftest import Fixtures
from tests.stream.libvirt.samples import FIELDS, XML, Samples


@contextmanager
def empty(path: Path) -> Iterator[int]:
    with path.open("w+b") as stream:
        yield stream.fileno()


def test_from_a_bare_snapshot(fixtures: Fixtures, tmp_path: Path) -> None:
    target = tmp_path / "image"
    with mappedram.open(fixtures["pc"].path) as snapshot, empty(target) as fd:
        assert write_libvirt_sparse(snapshot, XML, "<cookie/>", fd, was_running=True) is None
    data = target.read_bytes()
    values = struct.unpack_from("<" + FIELDS, data)
    length = len(XML) + 1 + len("<cookie/>") + 1 + 65536
    assert values == (b"LibvirtQemudSave", 2, length, 1, 6, len(XML) + 1, bytes(56))
    assert data[92 : 92 + length] == XML.encode() + b"\0<cookie/>\0" + bytes(65536)
    assert data[92 + length :].startswith(b"QEVM")
    with open_any(target) as (copy, image), mappedram.open(fixtures["pc"].path) as original:
        assert image is not None
        assert image.was_running
        for block in original.blocks:
            assert copy.block[block.idstr].runs().tolist() == block.runs().tolist()
            assert copy.block[block.idstr].read(0, block.used_length) == block.read(
                0, block.used_length
            )


def test_as_libvirt_writes_it(samples: Samples, tmp_path: Path) -> None:
    """The contents of an image of libvirt give the same image, bit for bit."""
    target = tmp_path / "image"
    with open_any(samples["sparse"].path) as (snapshot, image), empty(target) as fd:
        assert image is not None
        write_libvirt_sparse(snapshot, image.xml, image.cookie, fd)
    assert target.read_bytes() == samples["sparse"].path.read_bytes()


def test_without_cookie_at_another_place(samples: Samples, tmp_path: Path) -> None:
    target = tmp_path / "image"
    with open_any(samples["sparse-edited"].path) as (snapshot, image), empty(target) as fd:
        assert image is not None
        write_libvirt_sparse(
            snapshot, image.xml, None, fd, slack=7, layout=OutputLayout(offset=5, channels=2)
        )
        expected = snapshot.block["pc.ram"].read(0, 1 << 24)
    with open_any(target) as (snapshot, image):
        assert image is not None
        assert image.cookie is None
        assert image.cookie_offset == 0
        assert image.data_len == len(image.xml.encode()) + 1 + 7
        assert snapshot.block["pc.ram"].read(0, 1 << 24) == expected


def test_header_in_the_byte_order_of_the_bitmaps(
    fixtures: Fixtures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "image"
    with mappedram.open(fixtures["none"].path) as snapshot, empty(target) as fd:
        monkeypatch.setitem(vars(snapshot), "_byteorder", ("big", True))
        write_libvirt_sparse(snapshot, XML, None, fd)
    with open_source(target) as source:
        image = detect(source)
    assert image is not None
    assert (image.byteorder, image.xml) == ("big", XML)


def test_incomplete_until_the_end(
    fixtures: Fixtures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(libvirt, "lay_out", fail)
    with mappedram.open(fixtures["pc"].path) as snapshot, empty(tmp_path / "image") as fd:
        with pytest.raises(OSError, match="No space"):
            write_libvirt_sparse(snapshot, XML, None, fd)
        with open_source(fd) as source:
            image = detect(source)
    assert image is None  # nothing identifies it as an image before it is complete


@pytest.mark.parametrize(
    ("xml", "cookie", "match"),
    [
        ("", None, "not a libvirt domain XML"),
        ("<network/>", None, "not a libvirt domain XML"),
        (f"{XML}\0", None, "not a libvirt domain XML"),
        (XML, "<cookie>\0</cookie>", "cookie: the text contains a NUL"),
    ],
)
def test_texts_that_cannot_be(
    fixtures: Fixtures, tmp_path: Path, xml: str, cookie: str | None, match: str
) -> None:
    with mappedram.open(fixtures["pc"].path) as snapshot, empty(tmp_path / "image") as fd:
        with pytest.raises(BuildError, match=match):
            write_libvirt_sparse(snapshot, xml, cookie, fd)
        assert os.fstat(fd).st_size == 0


def test_from_a_stream_without_mapped_ram(samples: Samples, tmp_path: Path) -> None:
    with (
        open_any(samples["interrupted"].path, partial=True) as (snapshot, image),
        empty(tmp_path / "image") as fd,
    ):
        assert image is not None
        with pytest.raises(mappedram.MappedRamError):
            write_libvirt_sparse(snapshot, image.xml, image.cookie, fd)
        assert os.pread(fd, 16, 0) in (b"", b"LibvirtQemudPart")
