"""Find the JSON text at the end of a stream, and read payload lengths from it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from mappedram.format.constants import SectionType
from mappedram.format.section import VmDescription
from mappedram.format.vmstate import subsection_header_size
from mappedram.io.source import Source
from mappedram.json_types import Json
from mappedram.stream import model

#: Maximum size of a text that is parsed. QEMU's texts are some hundred KiB; parsed JSON takes ten
#: times that.
JSON_MAX = 16 << 20
_HEADER_SIZE: int = VmDescription.sizeof()
#: QEMU_VM_EOF, QEMU_VM_VMDESCRIPTION, a length, and the beginning of a JSON object.
_BEGINNING = re.compile(rb"\x00(\x06....)\{\"", re.DOTALL)
_BEGINNING_SIZE = 8
#: Bytes to search on a device, and bytes per step.
_AHEAD_MAX = 256 << 20
_AHEAD_STEP = 1 << 20


def parse(source: Source, offset: int, length: int) -> model.VmDescription:
    """The text at `offset`, with its document or the reason why it cannot be parsed."""
    available = min(length, source.size - offset)
    if available > JSON_MAX:
        return model.VmDescription(offset, available, None, f"longer than {JSON_MAX:#x} bytes")
    text = source.read(offset, available)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return model.VmDescription(offset, available, None, f"not JSON: {error}")
    if not isinstance(document, dict):
        return model.VmDescription(offset, available, None, "not a JSON object")
    return model.VmDescription(offset, available, document)


def find(source: Source, start: int, passed: int) -> model.VmDescription | None:
    """Find the text of a stream with sections that cannot be followed.

    Args:
        source: the file.
        start: start of the stream.
        passed: an offset after all pages, as far as the stream was followed.
    """
    found = find_at_tail(source, start)
    # On a device, old data follows the text.
    return _find_ahead(source, passed) if found is None and source.is_device else found


def _find_ahead(source: Source, start: int) -> model.VmDescription | None:
    """The first text at or after `start` that describes devices."""
    for begin in range(start, min(start + _AHEAD_MAX, source.size), _AHEAD_STEP):
        chunk = source.read(begin, _AHEAD_STEP + _BEGINNING_SIZE - 1)
        for match in _BEGINNING.finditer(chunk):
            offset = begin + match.start() + 1 + _HEADER_SIZE
            found = parse(source, offset, VmDescription.parse(match[1]).vmdesc_len)
            if found.document and "devices" in found.document:
                return found
    return None


def find_at_tail(source: Source, start: int) -> model.VmDescription | None:
    """Find the text at the end of the file, searching backwards down to `start`.

    The text has no NUL and begins with a brace. So the last NUL byte is in its length, or is the
    QEMU_VM_EOF before it. A byte of the length can also be a brace, so that each one is tried.
    """
    tail = _after_last_nul(source, start)
    if tail is None:
        return None
    tail_offset, text = tail
    for index in range(min(len(text), 1 + _HEADER_SIZE)):
        offset = tail_offset + index
        header = source.read(offset - _HEADER_SIZE, _HEADER_SIZE)
        if (
            text[index : index + 1] == b"{"
            and offset - _HEADER_SIZE >= start
            and header[:1] == bytes([SectionType.VMDESCRIPTION])
            and VmDescription.parse(header).vmdesc_len == source.size - offset
        ):
            return parse(source, offset, source.size - offset)
    return None


def _after_last_nul(source: Source, start: int) -> tuple[int, bytes] | None:
    """The bytes after the last NUL of the file, with their offset."""
    chunk = 64 << 10
    text = b""
    end = source.size
    while end > start and len(text) <= JSON_MAX:
        begin = max(start, end - chunk)
        text = source.read(begin, end - begin) + text
        nul = text.rfind(b"\0", 0, end - begin)
        if nul >= 0:
            return begin + nul + 1, text[nul + 1 :]
        end = begin
        chunk *= 2
    return None


def payload_lengths(document: Mapping[str, Json]) -> dict[tuple[str, int], list[int]]:
    """Payload lengths of each device in bytes, in order, by (`idstr`, `instance_id`).

    Devices with a malformed description are left out. Source: QEMU migration/vmstate.c,
    vmsd_desc_field_start() and vmsd_desc_field_end().
    """
    lengths: dict[tuple[str, int], list[int]] = {}
    devices: Any = document.get("devices")
    for device in devices if isinstance(devices, list) else ():
        try:
            key = (device["name"], device["instance_id"])
            lengths.setdefault(key, []).append(_length(device))
        except (KeyError, TypeError, AttributeError, RecursionError):
            continue
    return lengths


def _length(description: Mapping[str, Any]) -> int:
    fields = sum(
        _number(field["size"]) * _number(field.get("array_len", 1))
        for field in description.get("fields", ())
    )
    subsections = sum(
        subsection_header_size(subsection["vmsd_name"]) + _length(subsection)
        for subsection in description.get("subsections", ())
    )
    return fields + subsections


def _number(value: object) -> int:
    """Return a size or a count; any other JSON value raises `TypeError`."""
    if not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise TypeError(f"not a size: {value!r}")
    return value
