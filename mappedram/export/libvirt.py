"""Write save images of libvirt in the format "sparse"."""

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
    """Write the snapshot as a save image for `virsh restore` into the empty file `fd`.

    Until the very last write, the image has no magic or is marked as incomplete.

    Args:
        snapshot: devices and RAM.
        xml: the XML of the domain, as `virsh dumpxml --migratable --security-info` prints it.
        cookie: the cookie of another image of the same guest, if there is one.
        fd: descriptor of an empty seekable file, open for reading and writing.
        was_running: whether the guest runs after it is restored.
        slack: zeros behind the texts, so that the domain can be edited in place.
        layout: layout of the stream; its offset is computed here.
        progress: called with the number of bytes moved.

    Returns:
        Why `direct_io` was not used although it was asked for; None otherwise.

    Raises:
        BuildError: the XML is not that of a domain, a text holds a NUL, or the snapshot has no
            complete RAM part.
        UnknownPagesError: the snapshot does not know all pages.
        FormatError: the header of a block cannot be right.
        OSError: reading or writing failed.
    """
    if describe(xml) is None:
        raise BuildError("xml: not the XML of a domain of libvirt")
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
    # The header has the byte order of the host, like the bitmaps.
    params = {"is_be": snapshot.byteorder == "big"}
    header = drivers.get("construct").build(KIND, values, params)
    place = dataclasses.replace(layout or OutputLayout(), offset=HEADER_SIZE + data_len)
    # Write the stream first: it fails early if there is no room.
    refused = lay_out(snapshot, fd, place, progress=progress)
    system.write(fd, header + domain + more + bytes(slack), 0)
    system.write(fd, QEMU_SAVE_MAGIC.encode(), 0)
    return refused


def _encoded(name: str, text: str) -> bytes:
    """Encode the text with a final NUL."""
    if "\0" in text:
        raise BuildError(f"{name}: the text holds a NUL")
    return text.encode("utf-8", "surrogateescape") + b"\0"
