"""MR5: save images of libvirt around a stream."""

import lzma
from dataclasses import replace
from random import Random

from mappedram.export.libvirt import write_libvirt_sparse
from mappedram.export.mapped_ram import OutputLayout
from mappedram.format.constants import SectionType
from mappedram.format.libvirt import (
    HEADER_SIZE,
    QEMU_SAVE_MAGIC,
    QEMU_SAVE_PARTIAL,
    QEMU_SAVE_VERSION,
    SaveFormat,
)
from mappedram.format.structures import KINDS, LibvirtHeader
from mappedram.format.typed import Fields
from mappedram.fuzz.caching_driver import DRIVER
from mappedram.fuzz.defects.registry import breaks
from mappedram.fuzz.draft import Draft
from mappedram.fuzz.sound import RamSpec, SnapshotSpec
from mappedram.fuzz.sparse import SparseFile, memory_file
from mappedram.io.opening import open_file
from mappedram.stream.libvirt.header import KIND, LibvirtImage, detect
from mappedram.stream.snapshot import open_snapshot

_XML = "<domain type='qemu'>\n  <name>fuzz</name>\n  <memory unit='KiB'>64</memory>\n</domain>\n"
_COOKIE = "<qemusaveimage>\n  <slirpHelper/>\n</qemusaveimage>\n"
#: Zeros behind the texts; libvirt leaves 64 KiB.
_SLACK = 64


def image(spec: SnapshotSpec) -> SparseFile:
    """Draw a sound save image in the format "sparse"."""
    with spec.file().opened() as fd, memory_file() as out:
        with open_snapshot(fd, spec.offset, driver=DRIVER) as snapshot:
            layout = OutputLayout(align=spec.align)
            write_libvirt_sparse(snapshot, _XML, _COOKIE, out, slack=_SLACK, layout=layout)
        return SparseFile.of_fd(out, origin=f"save image of {spec!r}")


def compressed(spec: SnapshotSpec) -> SparseFile:
    """Draw a sound save image whose whole stream is compressed with xz.

    Compression loses the holes, so a large guest is made small.
    """
    data = lzma.compress(bytes(spec.shortened().file()), preset=0)
    text = _XML.encode() + b"\0"
    values: LibvirtHeader = {
        "magic": QEMU_SAVE_MAGIC,
        "version": QEMU_SAVE_VERSION,
        "data_len": len(text),
        "was_running": 0,
        "format": SaveFormat.XZ,
        "cookie_offset": 0,
        "unused": bytes(56),
    }
    whole = DRIVER.build(KIND, values, {"is_be": False}) + text + data
    return SparseFile(len(whole), ((0, whole),), origin=f"compressed save image of {spec!r}")


def _detected(file: SparseFile) -> LibvirtImage:
    with file.opened() as fd:
        found = detect(open_file(fd))
    assert found is not None
    return found


def _with(file: SparseFile, *, is_be: bool = False, **values: int | str) -> SparseFile:
    """The image with other values in its header."""
    changed: Fields = {**_detected(file).header.fields, **values}
    header = DRIVER.build(KINDS[KIND], changed, {"is_be": is_be})
    return file.write(0, header)


@breaks("MR501")
def magic_of_an_unfinished_image(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _with(image(spec), magic=QEMU_SAVE_PARTIAL)


@breaks("MR502")
def save_broken_off(spec: SnapshotSpec, rng: Random) -> SparseFile:
    """Truncate between the beginning of RAM and the end of the stream, but not in a bitmap."""
    whole = _with(image(spec), magic=QEMU_SAVE_PARTIAL)
    draft = Draft(replace(whole, offset=_detected(whole).stream_offset))
    first, last = (draft.section(kind).offset for kind in (SectionType.START, SectionType.EOF))
    size = first + rng.randrange(last - first)
    return whole.resize(draft.behind_bitmap(size))


@breaks("MR503")
def format_of_another_stream(spec: SnapshotSpec, rng: Random) -> SparseFile:
    wrong = [number for number in (0, 1, 2, 3, 4, 5, 7, 99) if number != SaveFormat.SPARSE]
    return _with(image(spec), format=rng.choice(wrong))


@breaks("MR504")
def image_version_not_2(spec: SnapshotSpec, rng: Random) -> SparseFile:
    return _with(image(spec), version=rng.choice((1, 0)))


@breaks("MR505")
def not_the_xml_of_a_domain(spec: SnapshotSpec, rng: Random) -> SparseFile:
    wrong = rng.choice((b"<dommain", b"<network", b"domain  "))
    return image(spec).write(HEADER_SIZE, wrong)


@breaks("MR506")
def cookie_without_an_end(spec: SnapshotSpec, rng: Random) -> SparseFile:
    whole = image(spec)
    found = _detected(whole)
    text = found.cookie_text
    assert text is not None
    filler = bytes([32 + rng.randrange(95)])
    return whole.write(text.offset, filler * (found.stream_offset - text.offset))


@breaks("MR507")
def stray_byte(spec: SnapshotSpec, rng: Random) -> SparseFile:
    whole = image(spec)
    found = _detected(whole)
    slack = range(found.text_end, found.stream_offset)
    unused = range(HEADER_SIZE - 56, HEADER_SIZE)
    return whole.write(rng.choice(rng.choice((slack, unused))), b"\x01")


@breaks("MR508")
def header_of_a_host_of_the_other_byte_order(spec: SnapshotSpec, rng: Random) -> SparseFile:
    num_pages = 1 + rng.randrange(40)  # less than a word, or the order would not show
    blocks = (RamSpec("pc.ram", num_pages, ((0, num_pages),)),)
    return _with(image(replace(spec, blocks=blocks)), is_be=True)


@breaks("MR509")
def cut_off_before_the_stream(spec: SnapshotSpec, rng: Random) -> SparseFile:
    whole = image(spec)
    found = _detected(whole)
    return whole.resize(found.text_end + rng.randrange(found.stream_offset - found.text_end + 1))


@breaks("MR510")
def compressed_stream_cut_off(spec: SnapshotSpec, rng: Random) -> SparseFile:
    """Truncate in the footer of twelve bytes, after the whole stream was decompressed."""
    whole = compressed(spec)
    return whole.resize(whole.size - 1 - rng.randrange(12))
