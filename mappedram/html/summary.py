"""Short facts about the file."""

from collections.abc import Iterator

from mappedram.html.markup import Markup, tag
from mappedram.stream.libvirt import LibvirtImage
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.text import size

#: Longest value shown beside other facts.
_NARROW = 40


def facts(snapshot: OpenSnapshot, image: LibvirtImage | None) -> Markup:
    """Names and values."""
    return tag(
        "dl",
        *(_fact(name, value) for name, value in _facts(snapshot, image)),
        class_="facts",
    )


def _fact(name: str, value: str) -> Markup:
    wide = "wide" if len(value) > _NARROW else None
    return tag("div", tag("dt", name), tag("dd", value), class_=wide)


def _facts(snapshot: OpenSnapshot, image: LibvirtImage | None) -> Iterator[tuple[str, str]]:
    stream = snapshot.stream
    yield "Size", size(stream.file_size)
    if not snapshot.source.is_remote:
        yield "On disk", size(snapshot.source.allocated)
    yield "Machine", stream.machine or "unknown"
    yield "Page", size(stream.page_size) if stream.page_size else "unknown"
    yield "Capabilities", ", ".join(stream.capabilities) or "none announced"
    if any(block.model.has_data for block in snapshot.blocks):
        sure = "" if snapshot.byteorder_evident else " (a guess)"
        yield "Bitmaps", f"{snapshot.byteorder}-endian{sure}"
    if image:
        yield "Save image", f"libvirt, {image.format_name or 'unknown format'}"
    if compression := snapshot.source.compression:
        yield "Compressed", compression
        yield "Offsets", "decompressed"
    yield "Stream begins", f"{stream.offset:#x}"
    yield "Save finished", "yes" if stream.complete else "no"
    if stream.stopped:
        yield "Reading stopped", str(stream.stopped)
