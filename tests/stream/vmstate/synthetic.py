"""Artificial devices: a JSON text and a payload, without a snapshot around them."""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mappedram.format.constants import SectionType
from mappedram.io.opening import open_source
from mappedram.io.overlay import Changes
from mappedram.io.source import Source
from mappedram.stream import vmstate
from mappedram.stream.model import Section, Stream, VmDescription
from mappedram.stream.vmstate import DeviceState, DeviceStates
from tests.files import memory_file

#: Offset of the payload of a device: not 0, so that wrong offsets are noticed.
OFFSET = 0x1000


@dataclass(frozen=True)
class Opened:
    """The part of a snapshot that `decode` needs."""

    source: Source
    stream: Stream
    changes: Changes = dataclasses.field(default_factory=Changes)


@contextmanager
def snapshot(text: bytes, payload: bytes, *, payload_length: int | None = None) -> Iterator[Opened]:
    """A file with one device `dev`, followed by a JSON text."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    with memory_file(bytes(OFFSET) + payload + text) as fd, open_source(fd) as source:
        section = Section(
            path="/sections[0]",
            type=SectionType.FULL,
            offset=OFFSET - 20,
            header_length=20,
            payload_length=len(payload) if payload_length is None else payload_length,
            section_id=7,
            idstr="dev",
            instance_id=0,
            version_id=1,
        )
        stream = Stream(
            file_size=source.size,
            offset=0,
            end=source.size,
            configuration=None,
            mapped_ram=True,
            mapped_ram_guessed=False,
            totals=(),
            blocks=(),
            sections=(section,),
            elements=(),
            areas=(),
            vmdescription=VmDescription(
                OFFSET + len(payload),
                len(text),
                document if isinstance(document, dict) else None,
                None if isinstance(document, dict) else "not a JSON object",
            ),
            stopped=None,
        )
        yield Opened(source, stream)


def decode_text(text: bytes, payload: bytes) -> DeviceStates:
    with snapshot(text, payload) as opened:
        return vmstate.decode(opened)


def device(fields: Iterable[Any], payload: bytes, subsections: Iterable[Any] = ()) -> DeviceState:
    """Decode a device with these fields, and check properties of every device."""
    description = vmsd("dev", fields, subsections)
    pairs = Pairs([("name", "dev"), ("instance_id", 0), *description])
    states = decode_text(dump({"devices": [pairs]}).encode(), payload)
    check_leaves(states["dev"])
    return states["dev"]


def check_leaves(state: DeviceState) -> None:
    """The leaves cover every byte of the payload, and every path leads to its leaf."""
    position = state.offset
    for path, leaf in state.leaves():
        assert leaf.offset == position, path
        position += leaf.length
        assert leaf.framing or state.find(path) is leaf, path
    assert position == state.offset + state.length


class Pairs(list[tuple[str, Any]]):
    """A JSON object with repeated keys."""


def vmsd(name: str, fields: Iterable[Any], subsections: Iterable[Any] = ()) -> Pairs:
    """The pairs that QEMU writes for one VMStateDescription."""
    pairs = Pairs([("vmsd_name", name), ("version", 1), ("fields", list(fields))])
    if subsections:
        pairs.append(("subsections", list(subsections)))
    return pairs


def field(name: str, kind: str, size: int, *inside: tuple[str, Any], **extra: Any) -> Pairs:
    """One field; `inside` are pairs directly in it."""
    return Pairs([("name", name), *extra.items(), ("type", kind), *inside, ("size", size)])


def struct(name: str, size: int, inner: Pairs, **extra: Any) -> Pairs:
    """A field of the type `struct`."""
    return field(name, "struct", size, ("struct", inner), **extra)


def dump(value: Any) -> str:
    """JSON text, with keys repeated where the pairs repeat them."""
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{json.dumps(k)}: {dump(v)}" for k, v in value) + "}"
    if isinstance(value, dict):
        return dump(Pairs(value.items()))
    if isinstance(value, list):
        return "[" + ", ".join(map(dump, value)) + "]"
    return json.dumps(value)
