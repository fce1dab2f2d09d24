"""First inputs: small streams in all forms, images of them, real devices."""

import bz2
import gzip
import json
import lzma
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mappedram
from mappedram.export.metadump import Options, plan, write_packed
from mappedram.export.stream import to_stream
from mappedram.format.libvirt import SaveFormat
from mappedram.format.structures import KINDS as ALL_KINDS
from mappedram.io.opening import open_source
from mappedram.stream.writer import BlockSpec, Envelope, SnapshotWriter
from tools.atheris.targets import KINDS, PARAMS, TARGETS
from tools.oracle import OracleBlock, OracleFile
from tools.unpack import unpack

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures"
#: The machine with the fewest devices, for whole streams; machines with described devices.
_STREAM, _DEVICES = "none", ("none", "arm-1k", "microvm", "uuid", "virtio-mem")
#: Longer seeds are left out: they take too long to read.
SIZE_MAX = 1 << 14
_PAGE = 1024

#: Streams without devices, in all forms.
_RAM = OracleBlock("pc.ram", 2 * _PAGE, [(1, 2)], b"\1")
_PLAIN = OracleFile([_RAM], page_size=_PAGE, align=_PAGE)
_ORACLES = {
    "oracle": _PLAIN,
    "no-footers": replace(_PLAIN, footers=False),
    "no-vmdesc": replace(_PLAIN, vmdescription=False),
    "shared": replace(_PLAIN, capabilities=("x-ignore-shared", "mapped-ram")),
    "parts": replace(_PLAIN, parts=3, blocks=[_RAM, OracleBlock("/rom@x", _PAGE)]),
    "unannounced": replace(_PLAIN, capabilities=()),
}

_COMPRESSORS: dict[SaveFormat, Callable[[bytes], bytes]] = {
    SaveFormat.RAW: bytes,
    SaveFormat.GZIP: gzip.compress,
    SaveFormat.BZIP2: bz2.compress,
    SaveFormat.XZ: lzma.compress,
}


def seeds() -> Iterator[tuple[str, bytes]]:
    """Seeds by name."""
    for name, stream in _streams():
        yield f"reader-{name}", _for("reader", b"\0" + stream)
        yield from _structures(name, stream)
        for save_format, compress in _COMPRESSORS.items():
            label = f"images-{name}-{save_format.name.lower()}"
            yield label, _for("images", _image(compress(stream), save_format))
        yield f"images-{name}-metadump", _for("images", _metadump(stream))
    for name in _DEVICES:
        for number, device in enumerate(_described(name)):
            text = json.dumps(device)[1:].encode() + b"]}"
            yield f"devices-{name}-{number}", _for("devices", b"\x20" + bytes(32) + text)
    for number in range(32):
        yield f"written-{number}", _for("written", bytes(range(number, number + 100)))


def _metadump(stream: bytes) -> bytes:
    """A packed metadump of a stream."""
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as target:
        file.write(stream)
        file.flush()
        with open_source(file.fileno()) as source:
            write_packed(plan(source, 0, Options()), target.fileno(), about={})
        target.seek(0)
        return target.read()


def _structures(name: str, stream: bytes) -> Iterator[tuple[str, bytes]]:
    """The first structure of each kind in a stream."""
    with tempfile.TemporaryFile() as file:
        file.write(stream)
        file.flush()
        with mappedram.open(file.fileno(), partial=True) as snapshot:
            elements = {element.kind: element for element in reversed(snapshot.stream.elements)}
    for kind, element in elements.items():
        flags = sum(bool(element.params.get(name)) << bit for bit, name in enumerate(PARAMS))
        head = bytes([KINDS.index(ALL_KINDS[kind]), flags])
        data = head + stream[element.offset : element.end]
        yield f"structures-{name}-{kind}", _for("structures", data)


def write(folder: Path) -> int:
    """Write all seeds that are not too long into a folder; return their number."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, data in seeds():
        if len(data) <= SIZE_MAX:
            (folder / name).write_bytes(data)
            count += 1
    return count


def _for(target: str, data: bytes) -> bytes:
    return bytes([list(TARGETS).index(target)]) + data


def _streams() -> Iterator[tuple[str, bytes]]:
    """Streams with one or two pages of memory, each with and without mapped-ram."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in (_STREAM, *_ORACLES)}
        with mappedram.open(
            unpack(FIXTURES / f"{_STREAM}.tar.gz", Path(folder) / "fixture")
        ) as snapshot:
            size = snapshot.stream.page_size or 0
            blocks = [BlockSpec("pc.ram", size)]
            envelope = Envelope.of(snapshot)
            with SnapshotWriter(
                paths[_STREAM], envelope, blocks, page_size=size, align=size
            ) as writer:
                writer.write_pages("pc.ram", 0, b"\1" * size)
                writer.finish()
        for name, oracle in _ORACLES.items():
            with paths[name].open("w+b") as target:
                oracle.write(target.fileno())
        for name, path in paths.items():
            yield f"{name}-mapped", path.read_bytes()
            with mappedram.open(path, partial=True) as snapshot:
                if snapshot.stream.stopped is None:
                    yield f"{name}-plain", _without_mapped_ram(snapshot)


def _without_mapped_ram(snapshot: mappedram.Snapshot) -> bytes:
    with tempfile.TemporaryFile() as target:
        to_stream(snapshot, target.fileno())
        target.seek(0)
        return target.read()


def _described(name: str) -> list[dict[str, Any]]:
    """The devices of a fixture, with their descriptions in its JSON text."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mappedram.open(unpack(FIXTURES / f"{name}.tar.gz", Path(folder))) as snapshot,
    ):
        description = snapshot.stream.vmdescription
        document = description.document if description else None
        devices: Any = (document or {}).get("devices", [])
        return list(devices)


def _image(stream: bytes, save_format: SaveFormat) -> bytes:
    """A save image of libvirt around a stream."""
    xml = b"<domain><name>guest</name></domain>\0<cookie/>\0" + bytes(16)
    numbers = (2, len(xml), 1, save_format, 36)
    return b"LibvirtQemudSave" + struct.pack("<5I56x", *numbers) + xml + stream
