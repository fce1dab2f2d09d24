"""What `info` tells of a file, for JSON."""

from mappedram.errors import FormatError, UnsupportedError
from mappedram.json_types import Json
from mappedram.stream.block import Block
from mappedram.stream.libvirt import LibvirtImage, describe
from mappedram.stream.model import Section, Stream
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.blocks import coverage_of, num_pages, page_size, pages_present
from mappedram.view.disk_image import image_as_dict, image_of


def info_as_dict(
    file: str, snapshot: OpenSnapshot, image: LibvirtImage | None
) -> dict[str, object]:
    """What `info` tells of a file. Blocks and sections are iterators: there may be thousands."""
    stream = snapshot.stream
    configuration = stream.configuration
    disk = image_of(snapshot.source)
    return {
        "file": file,
        "container": "qcow2" if disk else container_name(image, snapshot.source.compression),
        "libvirt": libvirt_as_dict(image),
        "qcow2": image_as_dict(*disk) if disk else None,
        "stream_offset": stream.offset,
        "apparent_size": stream.file_size,
        "allocated_size": None if snapshot.source.is_remote else snapshot.source.allocated,
        **_metadump(snapshot),
        "machine": stream.machine,
        "page_size": stream.page_size,
        "target_page_bits": configuration.target_page_bits if configuration else None,
        "uuid": uuid_of(stream),
        "capabilities": stream.capabilities,
        "mapped_ram": stream.mapped_ram,
        "mapped_ram_guessed": stream.mapped_ram_guessed,
        "byteorder": {"order": snapshot.byteorder, "evident": snapshot.byteorder_evident},
        "complete": complete(stream),
        "stopped": stopped_as_dict(stream.stopped),
        "unlisted_bytes": snapshot.unlisted,
        "blocks": map(_block_as_dict, snapshot.blocks, pages_present(snapshot.blocks)),
        "sections": map(_section_as_dict, stream.sections),
    }


def _metadump(snapshot: OpenSnapshot) -> dict[str, Json]:
    """For a metadump, the data that was left out."""
    packed = snapshot.source.packed
    return {"metadump": packed.summary} if packed else {}


def uuid_of(stream: Stream) -> str | None:
    """The UUID of the guest, as text; None if the file has none."""
    raw = stream.configuration.uuid if stream.configuration else None
    if raw is None:
        return None
    from uuid import UUID  # slow to load, and seldom needed

    return str(UUID(bytes=raw))


def _block_as_dict(block: Block, present: int | None) -> dict[str, Json]:
    model = block.model
    return {
        "idstr": model.idstr,
        "used_length": model.used_length,
        "page_size": page_size(block),
        "num_pages": num_pages(block),
        "pages_present": present,
        **_unknown_as_dict(block, present),
        "bitmap_offset": model.bitmap_offset,
        "bitmap_size": model.bitmap_size,
        "pages_offset": None if block.memory else model.pages_offset,
        "ignored": model.ignored,
        "memory": block.memory,
    }


def _unknown_as_dict(block: Block, present: int | None) -> dict[str, Json]:
    coverage = coverage_of(block, present)
    if coverage is None:
        return {"unknown_bytes": None, "unknown_reasons": []}
    return {
        "unknown_bytes": coverage.unknown_size,
        "unknown_reasons": [one.reason.value for one in coverage.unknown],
    }


def _section_as_dict(section: Section) -> dict[str, Json]:
    return {
        "type": section.type.name.lower(),
        "section_id": section.section_id,
        "idstr": section.idstr,
        "instance_id": section.instance_id,
        "version_id": section.version_id,
        "offset": section.offset,
        "length": section.length,
    }


def complete(stream: Stream) -> bool | None:
    """Whether the save completed; None where this version cannot determine it."""
    return None if isinstance(stream.stopped, UnsupportedError) else stream.complete


def stopped_as_dict(stopped: FormatError | None) -> dict[str, Json] | None:
    """Where and why parsing stopped, for JSON."""
    if stopped is None:
        return None
    return {"message": stopped.msg, "offset": stopped.offset, "path": stopped.path}


def container_name(image: LibvirtImage | None, compression: str | None) -> str:
    """Name of the container of the stream."""
    return (compression or "none") if image is None else "libvirt"


def libvirt_as_dict(image: LibvirtImage | None) -> dict[str, Json] | None:
    """The image for JSON, with its complete texts."""
    if image is None:
        return None
    domain = describe(image.xml)
    return {
        "magic": image.magic,
        "complete": image.complete,
        "byteorder": image.byteorder,
        "version": image.version,
        "data_len": image.data_len,
        "was_running": image.was_running,
        "format": image.format,
        "format_name": image.format_name,
        "compressed": image.compressed,
        "stream_offset": image.stream_offset,
        "domain": None
        if domain is None
        else {
            "name": domain.name,
            "uuid": domain.uuid,
            "machine": domain.machine,
            "memory": domain.memory,
            "vcpus": domain.vcpus,
            "devices": dict(domain.devices),
            "disks": list(domain.disks),
        },
        "xml": image.xml,
        "cookie": image.cookie,
    }
