"""Header, texts and stream of real images."""

import hashlib
from importlib import import_module
from itertools import pairwise

import pytest

import mappedram
from mappedram.format import drivers
from mappedram.format.libvirt import SaveFormat
from mappedram.io.opening import open_source
from mappedram.stream.libvirt import describe, detect, open_any, open_stream, regions_of
from mappedram.stream.libvirt.header import KIND
from tests.conftest import Fixtures
from tests.conftest import manifest as fixture_manifest
from tests.files import memory_file
from tests.stream.libvirt.samples import (
    COMPRESSED,
    NAMES,
    SPARSE,
    Samples,
    skip_without_decompressor,
)
from tools.qemu import pattern

PAGE = 4096


@pytest.mark.parametrize("name", NAMES)
def test_unpacked_as_it_was_written(samples: Samples, name: str) -> None:
    sample = samples[name]
    assert sample.path.stat().st_size == sample.manifest["size"]
    assert hashlib.sha256(sample.path.read_bytes()).hexdigest() == sample.manifest["sha256"]


@pytest.mark.parametrize("driver", drivers.DRIVERS)
@pytest.mark.parametrize("name", NAMES)
def test_header(samples: Samples, name: str, driver: drivers.DriverName) -> None:
    sample = samples[name]
    with open_source(sample.path) as source:
        image = detect(source, driver=driver)
    assert image is not None
    assert {key: image.header.fields[key] for key in sample.header} == sample.header
    assert image.byteorder == ("big" if name == "swapped" else "little")
    assert image.complete == (name != "interrupted")
    assert image.was_running == (name == "sparse-edited")
    assert image.stream_offset == sample.stream_offset
    assert image.format_name == {"mislabelled": "sparse", "interrupted": "sparse"}.get(
        name, "sparse" if name in SPARSE else name
    )
    assert image.payload == (SaveFormat[name.upper()] if name in COMPRESSED else SaveFormat.RAW)


@pytest.mark.parametrize("name", NAMES)
def test_texts(samples: Samples, name: str) -> None:
    with open_source(samples[name].path) as source:
        image = detect(source)
    assert image is not None
    assert image.cookie is not None
    domain = describe(image.xml)
    assert domain is not None
    assert (domain.name, domain.machine, domain.arch) == ("guest", "pc-i440fx-10.0", "x86_64")
    assert domain.uuid == "6d617070-6564-4261-8172-616d66696c65"
    assert image.cookie.startswith("<cookie>")
    assert image.cookie.endswith("</cookie>\n")
    assert image.xml_text.terminated
    assert ("<title>edited \u2713</title>" in image.xml) == (name == "sparse-edited")
    slack = 65_536 - len("  <title>edited \u2713</title>\n".encode()) * (name == "sparse-edited")
    assert image.stream_offset - image.text_end == pytest.approx(slack, abs=4)


@pytest.mark.parametrize("name", NAMES)
def test_every_byte_before_the_stream_has_a_region(samples: Samples, name: str) -> None:
    with open_source(samples[name].path) as source:
        image = detect(source)
    assert image is not None
    regions = image.regions()
    assert regions[0].offset == 0
    assert regions[-1].end == image.stream_offset
    assert all(here.end == there.offset for here, there in pairwise(regions))
    names = [region.name for region in regions]
    assert names == ["libvirt header", "libvirt domain XML", "libvirt cookie", "libvirt slack"]


@pytest.mark.parametrize("name", NAMES)
def test_drivers_agree(samples: Samples, name: str) -> None:
    data = samples[name].path.read_bytes()[:92]
    first, second = (drivers.get(driver) for driver in drivers.DRIVERS)
    params = {"is_be": name == "swapped"}
    assert first.parse(KIND, data, params) == second.parse(KIND, data, params)
    spans = first.spans(KIND, data, params)
    assert spans == second.spans(KIND, data, params)
    assert [span.end for span in spans] == [16, 20, 24, 28, 32, 36, 92]
    values, _ = first.parse(KIND, data, params)
    for driver in (first, second):
        assert driver.build(KIND, values, params) == data


@pytest.mark.parametrize("name", NAMES)
def test_the_spec_reads_an_image_by_itself(samples: Samples, name: str) -> None:
    """`libvirt_save_image.ksy` finds byte order, texts and stream without our code."""
    sample = samples[name]
    root = import_module("mappedram.format.kaitai.libvirt_save_image").LibvirtSaveImage
    with root.from_file(str(sample.path)) as parsed, open_source(sample.path) as source:
        parsed._read()
        image = detect(source)
        assert image is not None
        assert parsed.is_be == (image.byteorder == "big")
        assert parsed.header.format.name == image.format_name
        assert (parsed.xml, parsed.cookie) == (image.xml, image.cookie)
        assert parsed.ofs_stream == image.stream_offset
        if name in SPARSE:
            sections = parsed.stream.sections
            (start,) = (section for section in sections if section.is_ram_start)
            record = start.ram.records[0]
            with mappedram.open(sample.path, image.stream_offset) as snapshot:
                names = [block.idstr for block in snapshot.blocks]
                bitmaps = [block.bitmap.data for block in snapshot.blocks]
                places = [(section.offset, section.end) for section in snapshot.sections]
                assert parsed.stream.ofs_rest == snapshot.stream.end
            found = [(section.ofs_self, section.ofs_next) for section in sections]
            assert found[-len(places) :] == places
            assert [block.header.idstr for block in record.blocks] == names
            assert [block.bitmap for block in record.blocks] == bitmaps


@pytest.mark.parametrize("name", SPARSE)
def test_memory_of_sparse_images(samples: Samples, name: str) -> None:
    (fill,) = fixture_manifest()["pc"]["fill"]
    with open_any(samples[name].path) as (snapshot, image):
        assert image is not None
        assert snapshot.stream.offset == image.stream_offset
        assert snapshot.complete
        assert snapshot.stream.capabilities == ("mapped-ram",)
        ram = snapshot.block["pc.ram"]
        assert ram.runs().tolist() == fill["runs"]
        for first, last in fill["runs"]:
            for page in {first, last - 1}:
                assert ram.page(page) == pattern.expected(page, PAGE, int(fill["seed"], 16))
        assert not any(ram.page(1))


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed_images_hold_the_plain_stream(samples: Samples, name: str) -> None:
    skip_without_decompressor(name)
    with open_source(samples["raw"].path) as source:
        plain = source.read(samples["raw"].stream_offset, source.size)
    with open_source(samples[name].path) as source:
        image = detect(source)
        assert image is not None
        assert image.compressed
        with open_stream(source, image) as (stream, offset):
            assert (offset, stream.size) == (0, len(plain))
            # Up to the devices, whose clocks continue.
            memory = pattern.expected(512, PAGE, 0x304D415200000000)
            end = plain.index(memory) + PAGE
            assert stream.read(0, end) == plain[:end]


@pytest.mark.parametrize("name", ["raw", "mislabelled", *COMPRESSED])
def test_the_stream_tells_whether_it_has_mapped_ram(samples: Samples, name: str) -> None:
    skip_without_decompressor(name)
    with open_any(samples[name].path, partial=True) as (snapshot, _):
        assert snapshot.stream.machine == "pc-i440fx-10.0"
        assert not snapshot.stream.mapped_ram


def test_regions_of_the_whole_file(samples: Samples) -> None:
    with open_any(samples["sparse"].path) as (snapshot, image):
        regions = regions_of(snapshot, image)
        assert image is not None
        assert regions[:4] == image.regions()
        assert regions[4].name == "stream header"
        assert regions[-1].end == snapshot.stream.file_size
        assert all(here.end == there.offset for here, there in pairwise(regions))
        fields = snapshot.fields(image.header)
        assert [span.value for span in fields][1:6] == list(samples["sparse"].header.values())[1:]
    with open_any(samples["xz"].path, partial=True) as (snapshot, image):
        assert regions_of(snapshot, image) == snapshot.regions()


def test_interrupted(samples: Samples) -> None:
    with open_any(samples["interrupted"].path, partial=True) as (snapshot, image):
        assert image is not None
        assert image.magic == "LibvirtQemudPart"
        assert snapshot.stream.mapped_ram
        assert not snapshot.complete
        assert not any(block.bitmap.count() for block in snapshot.blocks[:-1])


def test_not_an_image(fixtures: Fixtures) -> None:
    with open_source(fixtures["pc"].path) as source:
        assert detect(source) is None
    with memory_file() as fd, open_source(fd) as source:
        assert detect(source) is None
    with open_any(fixtures["pc"].path) as (snapshot, image):
        assert image is None
        assert snapshot.source.name == str(fixtures["pc"].path)


def test_image_behind_other_bytes(samples: Samples) -> None:
    data = samples["raw"].path.read_bytes()
    with memory_file(b"#" * 4711 + data) as fd, open_source(fd) as source:
        image = detect(source, 4711)
    assert image is not None
    assert image.stream_offset == 4711 + samples["raw"].stream_offset
