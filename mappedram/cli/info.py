"""`mappedram info`: summary of a file, from its headers and bitmaps."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from mappedram.cli import disk_image, libvirt, output
from mappedram.cli.options import (
    STATUS_OF_READING,
    driver_option,
    epilog,
    file_argument,
    given_memory,
    memory_option,
    offset_option,
    output_option,
    snapshot_option,
    within,
)
from mappedram.cli.status import FINE, about
from mappedram.errors import FormatError, SnapshotChoiceError, UnsupportedError
from mappedram.format.drivers import DriverName
from mappedram.io.opening import DiskImage
from mappedram.printable import printable
from mappedram.stream.block import Block
from mappedram.stream.libvirt import LibvirtImage, open_any
from mappedram.stream.model import Section, Stream
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.blocks import num_pages, pages_present, unknown_pages
from mappedram.view.disk_image import image_as_dict, image_of
from mappedram.view.info import info_as_dict, uuid_of
from mappedram.view.sections import folded_sections, section_key, section_name
from mappedram.view.text import folded, size, table

if TYPE_CHECKING:
    from mappedram.io.qcow2 import Qcow2Image


@click.command(
    "info",
    short_help="Show a snapshot's machine type, RAM blocks and sections.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram info guest.mapped-ram\n"
        "  mappedram info --offset 0x1239 guest.save\n"
        "  mappedram info --output json guest.mapped-ram | jq .blocks",
        STATUS_OF_READING,
    ),
)
@file_argument
@memory_option
@snapshot_option
@offset_option
@driver_option
@output_option
def command(file: str, chosen: str | None, offset: int, driver: DriverName, form: str) -> int:
    """Show the machine type of a snapshot, its RAM blocks, and the sections of the stream.

    Reads headers and bitmaps, never pages, so that the time does not depend on the size of the
    guest. If FILE cannot be parsed to its end, shows everything before that place.
    """
    with about(file):
        try:
            return _show_stream(file, within(file, chosen), offset, driver, form)
        except (SnapshotChoiceError, UnsupportedError):
            image = disk_image.undecided(file) if chosen is None else None
            if image is None:
                raise
            return _list_only(file, image, form)


def _list_only(file: str, image: "Qcow2Image", form: str) -> int:
    """Show the snapshots of an image, none of which is chosen."""
    if form == "json":
        output.write_json({"file": file, "container": "qcow2", "qcow2": image_as_dict(image, None)})
        return FINE
    _show_lines([("file", file), *disk_image.header_lines(image, None)])
    _show_table("Snapshots", disk_image.snapshot_table(image))
    return FINE


def _show_stream(
    file: str, within_it: str | DiskImage, offset: int, driver: DriverName, form: str
) -> int:
    """Show the stream in a file, or in a snapshot of an image."""
    damage: list[FormatError] = []
    with open_any(
        within_it,
        offset,
        driver=driver,
        partial=True,
        on_damage=damage.append,
        memory=given_memory(),
    ) as opened:
        snapshot, image = opened
        if form == "json":
            output.write_json(info_as_dict(file, snapshot, image))
        else:
            _show_human(file, snapshot, image)
        for reason in (*damage, snapshot.stream.stopped):
            if reason:
                raise reason
    return FINE


# Human-readable output.


def _show_human(file: str, snapshot: OpenSnapshot, image: LibvirtImage | None) -> None:
    _show_lines(_header(file, snapshot, image))
    if found := image_of(snapshot.source):
        _show_table("Snapshots", disk_image.snapshot_table(found[0]))
    if snapshot.blocks:
        _show_table("RAM blocks", _block_table(snapshot.blocks))
    if snapshot.sections:
        _show_table("Sections", _section_table(snapshot.sections))
    if image:
        libvirt.show_texts(image)


def _show_lines(lines: Iterable[tuple[str, str]]) -> None:
    for label, text in lines:
        output.line(f"{output.styled(f'{label:<14}', 'bold')}{printable(text)}")


def _show_table(title: str, lines: Iterator[str]) -> None:
    output.line(f"\n{output.styled(title, 'bold')}")
    for text in lines:
        output.line(text)


def _header(
    file: str, snapshot: OpenSnapshot, image: LibvirtImage | None
) -> Iterator[tuple[str, str]]:
    stream = snapshot.stream
    yield "file", file
    on_disk = f", {size(snapshot.source.allocated)} of it on disk"
    yield "size", f"{size(stream.file_size)}{'' if snapshot.source.is_remote else on_disk}"
    if packed := snapshot.source.packed:
        told = ((word, packed.summary.get(word)) for word in ("pages", "state", "names"))
        left_out = ", ".join(f"{word}: {value}" for word, value in told)
        yield "metadump", f"by {packed.summary.get('made_by')}; {left_out}"
    if found := image_of(snapshot.source):
        yield from disk_image.header_lines(*found)
    else:
        yield from libvirt.header_lines(image, snapshot.source.compression)
    yield "stream offset", f"{stream.offset:#x}"
    yield "machine", stream.machine or "unknown (no configuration section)"
    yield "page size", size(stream.page_size) if stream.page_size else "unknown"
    yield "capabilities", ", ".join(stream.capabilities) or "none announced"
    if uuid := uuid_of(stream):
        yield "uuid", uuid
    if stream.mapped_ram_guessed and stream.mapped_ram:
        yield "mapped-ram", "yes (guessed from the first block: no capability list in the file)"
    elif not stream.mapped_ram:
        yield "mapped-ram", _without_mapped_ram(stream)
    if any(block.model.has_data for block in snapshot.blocks):
        yield "byte order", _byteorder(snapshot)
    yield "complete", _complete(stream)
    if snapshot.unlisted:
        yield "RAM", f"{size(snapshot.unlisted)} in blocks without a header in the file"


def _without_mapped_ram(stream: Stream) -> str:
    if stream.configuration or stream.blocks:
        return "no"
    return "no (the stream has no RAM)" if stream.ended else "unknown"


def _byteorder(snapshot: OpenSnapshot) -> str:
    how = (
        "known from a small bitmap"
        if snapshot.byteorder_evident
        else "guessed: the file has no small bitmap"
    )
    return f"{snapshot.byteorder}-endian bitmaps ({how})"


def _complete(stream: Stream) -> str:
    stopped = stream.stopped
    if stopped and not stream.complete:
        where = f" at {stopped.offset:#x}" if stopped.offset is not None else ""
        word = "unknown" if isinstance(stopped, UnsupportedError) else "no"
        return f"{word} - parsing stopped{where}"
    if not stream.complete:
        return "no - RAM has no END section, so no bitmap is final"
    return "yes"


def _block_table(blocks: Sequence[Block]) -> Iterator[str]:
    numbers = "used_length pages of unknown density bitmap_offset pages_offset"
    rows = map(_block_row, blocks, pages_present(blocks))
    return table(["idstr", *numbers.split()], rows, numbers, output.width())


def _block_row(block: Block, present: int | None) -> Sequence[object]:
    model = block.model
    pages = num_pages(block)
    known = present is not None and pages > 0
    return (
        printable(model.idstr),
        size(model.used_length),
        present,
        pages,
        unknown_pages(block, present) if pages else "all",
        f"{100 * (present or 0) / pages:.1f} %" if known else None,
        _hex(model.bitmap_offset),
        _pages_offset(block),
    )


def _pages_offset(block: Block) -> str | None:
    if block.memory is not None:
        return "--memory"
    return "ignored" if block.model.ignored else _hex(block.model.pages_offset)


def _hex(offset: int | None) -> str | None:
    return None if offset is None else f"{offset:#x}"


def _section_table(sections: Sequence[Section]) -> Iterator[str]:
    header = ("type", "id", "idstr", "instance", "version", "offset", "length")
    return table(
        header, _section_rows(sections), "id instance version offset length", output.width()
    )


def _section_rows(sections: Sequence[Section]) -> Iterator[Sequence[object] | str]:
    for shown, hidden in folded(sections, section_key):
        yield from map(_section_row, shown)
        if hidden:
            yield folded_sections(hidden)


def _section_row(section: Section) -> Sequence[object]:
    type_name, name = section_name(section)
    return (
        type_name,
        section.section_id,
        name,
        section.instance_id,
        section.version_id,
        f"{section.offset:#x}",
        section.length,
    )
