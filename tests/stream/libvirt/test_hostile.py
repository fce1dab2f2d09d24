"""Malformed images and random bytes."""

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappedram import MappedRamError, TruncatedError, UnsupportedError
from mappedram.format.drivers import DRIVERS
from mappedram.format.libvirt import SaveFormat
from mappedram.io.opening import open_source
from mappedram.stream.libvirt import LibvirtImage, describe, detect, header, open_any
from tests.files import memory_file
from tests.stream.libvirt.samples import XML, image


def detected(data: bytes, size: int | None = None) -> LibvirtImage | None:
    """Result of both drivers for the bytes; the rest up to `size` is a hole."""
    found = []
    with memory_file(data) as fd:
        if size is not None:
            os.ftruncate(fd, size)
        with open_source(fd) as source:
            for driver in DRIVERS:
                try:
                    found.append(detect(source, driver=driver))
                except MappedRamError as error:
                    found.append(error)  # type: ignore[arg-type]
    assert found[0] == found[1]
    if isinstance(found[0], MappedRamError):
        raise found[0]
    return found[0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
def test_either_byte_order(order: str, version: int) -> None:
    found = detected(image(b"QEVM", order=order, version=version, cookie=b"<cookie/>\0"))
    assert found is not None
    assert found.byteorder == {"<": "little", ">": "big"}[order]
    assert found.version == version
    assert (found.xml, found.cookie) == (XML, "<cookie/>")
    assert found.payload == SaveFormat.RAW


def test_version_0_is_the_same_in_either_order() -> None:
    found = detected(image(version=0))
    assert found is not None
    assert (found.version, found.byteorder) == (0, "little")


@pytest.mark.parametrize("version", [3, 0x100, 0x02000001, 0xFFFFFFFF])
def test_versions_there_are_not(version: int) -> None:
    with pytest.raises(UnsupportedError, match="in either byte order") as caught:
        detected(image(version=version))
    assert (caught.value.offset, caught.value.path) == (16, "/libvirt/header/version")


@pytest.mark.parametrize("length", range(0, 92, 3))
def test_cut_in_the_header(length: int) -> None:
    data = image()[:length]
    if length < 16:
        assert detected(data) is None
    else:
        with pytest.raises(TruncatedError, match="within the header"):
            detected(data)


def test_cut_anywhere_behind_the_header() -> None:
    data = image(b"QEVM", cookie=b"<cookie/>\0")
    whole = detected(data)
    assert whole is not None
    for length in range(92, len(data)):
        found = detected(data[:length])
        assert found is not None
        assert found.header == whole.header
        assert whole.xml.startswith(found.xml)
        assert found.xml_text.terminated == (length >= whole.xml_text.end)
        assert (whole.cookie or "").startswith(found.cookie or "")
        assert found.payload is None
        regions = found.regions()
        assert regions[-1].end == min(length, found.stream_offset)


@pytest.mark.parametrize("size", [None, 1 << 33])
def test_largest_length(size: int | None) -> None:
    found = detected(image(data_len=0xFFFFFFFF), size)
    assert found is not None
    assert found.stream_offset == 92 + 0xFFFFFFFF
    assert found.xml == XML
    with memory_file(image(data_len=0xFFFFFFFF)) as fd, pytest.raises(UnsupportedError):
        open_any(fd, partial=True).__enter__()


def test_text_without_end_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, "TEXT_MAX", 100_000)
    found = detected(image(xml=b"x" * 300_000, slack=0))
    assert found is not None
    assert not found.xml_text.terminated
    assert found.xml == "x" * 100_000


def test_xml_without_nul() -> None:
    found = detected(image(b"QEVM", xml=XML.encode(), slack=0))
    assert found is not None
    assert not found.xml_text.terminated
    assert found.xml == XML


def test_no_text_at_all() -> None:
    found = detected(image(b"QEVM", xml=b"", slack=0))
    assert found is not None
    assert (found.xml, found.stream_offset, found.payload) == ("", 92, SaveFormat.RAW)


@pytest.mark.parametrize("beyond", [0, 1, 0xFFFF0000])
def test_cookie_outside(beyond: int) -> None:
    length = len(XML) + 1 + 64
    found = detected(image(cookie_offset=length + beyond))
    assert found is not None
    assert found.cookie is None
    assert found.xml == XML


def test_unknown_format() -> None:
    found = detected(image(b"\x28\xb5\x2f\xfd", save_format=99))
    assert found is not None
    assert (found.format, found.format_name, found.payload) == (99, None, SaveFormat.ZSTD)


def test_bytes_that_are_not_utf_8_are_kept() -> None:
    found = detected(image(xml=b"<domain>\xff\xc3</domain>\0"))
    assert found is not None
    assert found.xml.encode("utf-8", "surrogateescape") == b"<domain>\xff\xc3</domain>"
    assert describe(found.xml) is None


@given(
    magic=st.sampled_from([b"LibvirtQemudSave", b"LibvirtQemudPart", b"LibvirtQemudSavf"]),
    order=st.sampled_from("<>"),
    numbers=st.lists(
        st.one_of(st.integers(0, 300), st.integers(0, 0xFFFFFFFF)), min_size=5, max_size=5
    ),
    rest=st.binary(max_size=300),
    cut=st.integers(0, 400),
)
def test_any_bytes(magic: bytes, order: str, numbers: list[int], rest: bytes, cut: int) -> None:
    data = (magic + struct.pack(f"{order}5I", *numbers) + rest)[:cut]
    try:
        found = detected(data)
    except MappedRamError:
        return
    if found is None:
        return
    position = 0
    for region in found.regions():
        assert region.offset == position
        position = region.end
    assert position == max(92, min(found.stream_offset, len(data)))
    with memory_file(data) as fd:
        try:
            with open_any(fd, partial=True, on_damage=lambda _: None) as (snapshot, _):
                assert snapshot.stream.file_size >= 0
        except MappedRamError:
            pass


@given(st.one_of(st.text(), st.binary().map(lambda b: b.decode("utf-8", "surrogateescape"))))
def test_any_text_is_a_domain_or_not(text: str) -> None:
    describe(text)
    describe(f"<domain><name>{text}</name></domain>")


LAUGHS = """<!DOCTYPE domain [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "/etc/passwd">]>
<domain><name>&b;&c;</name></domain>"""


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "<domain>" + "<a>" * 500_000,
        "<network><name>x</name></network>",
        "<domain><name>guest",
        "",
        "<domain>" + " " * (5 << 20) + "</domain>",
    ],
    ids=["entities", "deep", "network", "cut", "empty", "long"],
)
def test_not_a_domain(text: str) -> None:
    assert describe(text) is None


def test_domain() -> None:
    domain = describe(
        "<domain><name>a&amp;b</name><metadata><name>no</name></metadata>"
        "<os><type arch='aarch64' machine='virt-10.0'>hvm</type></os></domain>"
    )
    assert domain is not None
    assert (domain.name, domain.uuid, domain.machine, domain.arch) == (
        "a&b",
        None,
        "virt-10.0",
        "aarch64",
    )
