"""Read "OFFSET PATH" lines from standard input, and print the reading of each file as JSON."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from kaitaistruct import EndOfStreamError, KaitaiStream, ValidationFailedError

#: Generated code has no types.
MappedRam: Any = import_module("mappedram.format.kaitai.mapped_ram").MappedRam
BITMAP_MAX = 1 << 20


class Stream(KaitaiStream):  # type: ignore[misc]
    """A stream over an open file that records where it was too short."""

    short_at = 0

    def _read_bytes_not_aligned(self, length: int) -> bytes:
        self.short_at = self.pos()
        data: bytes = super()._read_bytes_not_aligned(length)
        return data


def reading(path: str, offset: int) -> dict[str, Any]:
    """The reading of a file, or its refusal."""
    # Unbuffered: a buffer would read beyond the end of the longest possible file.
    with open(path, "rb", buffering=0) as file:
        stream = Stream(file)
        stream.seek(offset)
        root = MappedRam(stream)
        try:
            root._read()
            return accepted(root)
        except ValidationFailedError as error:
            return {"verdict": "refused", "why": "value", "field": error.src_path}
        except EndOfStreamError:
            return {"verdict": "refused", "why": "short", "offset": stream.short_at}


def accepted(root: Any) -> dict[str, Any]:
    return {
        "verdict": "accepted",
        "header": {"magic": root.header.magic.hex(), "version": root.header.version},
        "sections": [section(entry) for entry in root.sections],
        "rest": root.ofs_rest,
    }


def subsection(node: Any) -> dict[str, Any]:
    return {
        "section_type": int(node.section_type),
        "len_idstr": node.len_idstr,
        "idstr": node.idstr,
        "version_id": node.version_id,
        "body": body(node),
    }


def body(node: Any) -> dict[str, Any]:
    if node.is_capabilities:
        names = [{"len_name": c.len_name, "name": c.name} for c in node.body.capabilities]
        return {"caps_count": node.body.num_capabilities, "capabilities": names}
    if node.idstr == "configuration/uuid":
        return {"uuid": node.body.uuid.hex()}
    return {"target_page_bits": node.body.target_page_bits}


def section(node: Any) -> dict[str, Any]:
    return {
        "offset": node.ofs_self,
        "header": section_header(node),
        "payload": [node.ofs_payload, node.ofs_payload_end - node.ofs_payload]
        if node.is_followed
        else None,
        "records": [record(entry) for entry in node.ram.records if not entry.is_page]
        if node.is_ram
        else None,
        "footer": {
            "section_type": int(node.footer.section_type),
            "section_id": node.footer.section_id,
        }
        if node.has_footer
        else None,
    }


def section_header(node: Any) -> dict[str, Any]:
    return next(show(node) for name, show in HEADERS.items() if getattr(node, name))


#: Converters of section headers, by the section type that the parser reports.
HEADERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "is_configuration": lambda node: {
        "section_type": int(node.configuration.section_type),
        "len_name": node.configuration.len_name,
        "name": node.configuration.name,
    },
    "is_subsection": lambda node: subsection(node.subsection),
    "is_start": lambda node: {
        "section_type": int(node.start.section_type),
        "section_id": node.start.section_id,
        "len_idstr": node.start.len_idstr,
        "idstr": node.start.idstr,
        "instance_id": node.start.instance_id,
        "version_id": node.start.version_id,
    },
    "is_part": lambda node: {
        "section_type": int(node.part.section_type),
        "section_id": node.part.section_id,
    },
    "is_command": lambda node: {
        "section_type": int(node.command.section_type),
        "command": int(node.command.command),
        "len_data": node.command.len_data,
        "data": node.command.data.hex(),
    },
    "is_end": lambda node: {"section_type": int(node.end_of_stream.section_type)},
    "is_vmdescription": lambda node: {
        "section_type": int(node.vmdescription.section_type),
        "vmdesc_len": node.vmdescription.len_json,
    },
}


def record(node: Any) -> dict[str, Any]:
    if not node.is_mem_size:
        end = node.end_of_section
        return {
            "offset": node.ofs_self,
            "end_of_section": {
                "number_high": end.number_high,
                "number_low": end.number_low,
                "flag": end.flag,
            },
        }
    size = node.mem_size
    return {
        "offset": node.ofs_self,
        "mem_size": {
            "total_high": size.total_high,
            "total_low": size.total_low,
            "flag": int(size.flag),
        },
        "blocks": [block(entry) for entry in node.blocks] if node.has_blocks else [],
    }


def block(node: Any) -> dict[str, Any]:
    header = node.header
    mapped = header.mapped_ram if header.has_mapped_ram else None
    return {
        "offset": node.ofs_self,
        "header": {
            "len_idstr": header.len_idstr,
            "idstr": header.idstr,
            "used_length": header.len_used,
            "page_size": header.page_size if header.has_page_size else None,
            "addr": header.addr if header.has_addr else None,
            "mapped_ram": mapped
            and {
                "version": mapped.version,
                "page_size": mapped.page_size,
                "bitmap_offset": mapped.ofs_bitmap,
                "pages_offset": mapped.ofs_pages,
            },
        },
        "num_pages": node.num_pages,
        "bitmap": node.bitmap.hex() if bitmap_is_here(node) else None,
        "next": node.ofs_next,
    }


def bitmap_is_here(node: Any) -> bool:
    size = node._io.size()
    return bool(
        node.has_data
        and node.len_bitmap <= min(size, BITMAP_MAX)
        and node.header.mapped_ram.ofs_bitmap <= size - node.len_bitmap
    )


if __name__ == "__main__":
    for line in sys.stdin:
        start, _, name = line.rstrip("\n").partition(" ")
        print(json.dumps(reading(name, int(start))))
