"""Writing save images of libvirt: a snapshot in the format "sparse"."""

import dataclasses

from mappedram.errors import BuildError
from mappedram.export.mapped_ram import OutputLayout, lay_out
from mappedram.format import drivers
from mappedram.format.libvirt import (
    HEADER_SIZE,
    QEMU_SAVE_MAGIC,
    QEMU_SAVE_PARTIAL,
    QEMU_SAVE_VERSION,
    SLACK,
    SaveFormat,
)
from mappedram.format.structures import LibvirtHeader
from mappedram.io import system
from mappedram.io.copying import Progress
from mappedram.stream.libvirt.domain import describe
from mappedram.stream.libvirt.header import KIND
from mappedram.stream.snapshot import OpenSnapshot


def write_libvirt_sparse(
    snapshot: OpenSnapshot,
    xml: str,
    cookie: str | None,
    fd: int,
    *,
    was_running: bool = False,
    slack: int = SLACK,
    layout: OutputLayout | None = None,
    progress: Progress | None = None,
) -> str | None:
    """Write the snapshot as a save image, which `virsh restore` takes, into the empty file `fd`.

    The image says nothing, or that it is incomplete, until the very last write.

    Args:
        snapshot: devices and RAM.
        xml: the XML of the domain, as `virsh dumpxml --migratable --security-info` shows it.
        cookie: the cookie of another image of the same guest, if there is one.
        fd: descriptor of an empty seekable file, open for reading and writing.
        was_running: whether the guest is to run once it is restored.
        slack: zeros behind the texts, so that the domain can be edited in place.
        layout: how the stream is laid out; where it begins is decided here.
        progress: called with the number of bytes moved.

    Returns:
        Why `direct_io` was not used although it was asked for; None otherwise.

    Raises:
        BuildError: the XML is not that of a domain, a text holds a NUL, or the snapshot has no
            complete RAM part.
        UnknownPagesError: the snapshot does not tell all pages.
        FormatError: the header of a block cannot be right.
        OSError: reading or writing failed.
    """
    if describe(xml) is None:
        raise BuildError("xml: not a libvirt domain XML")
    domain = _encoded("xml", xml)
    more = b"" if cookie is None else _encoded("cookie", cookie)
    data_len = len(domain) + len(more) + slack
    values: LibvirtHeader = {
        "magic": QEMU_SAVE_PARTIAL,
        "version": QEMU_SAVE_VERSION,
        "data_len": data_len,
        "was_running": int(was_running),
        "format": SaveFormat.SPARSE,
        "cookie_offset": len(domain) if more else 0,
        "unused": bytes(56),
    }
    # The header is in the byte order of the host, as the bitmaps are.
    params = {"is_be": snapshot.byteorder == "big"}
    header = drivers.get("construct").build(KIND, values, params)
    place = dataclasses.replace(layout or OutputLayout(), offset=HEADER_SIZE + data_len)
    # First of all, as it says whether there is room.
    refused = lay_out(snapshot, fd, place, progress=progress)
    system.write(fd, header + domain + more + bytes(slack), 0)
    system.write(fd, QEMU_SAVE_MAGIC.encode(), 0)
    return refused


def _encoded(name: str, text: str) -> bytes:
    """The text with the NUL that ends it."""
    if "\0" in text:
        raise BuildError(f"{name}: the text contains a NUL")
    return text.encode("utf-8", "surrogateescape") + b"\0"
