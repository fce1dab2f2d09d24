"""Properties of the readers that hold for any bytes. A target raises if one does not hold.

The first byte of an input selects the target, so that one corpus serves all of them.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import NamedTuple

from mappedram import MappedRamError
from mappedram import open as open_snapshot
from mappedram.check import Severity, check
from mappedram.format import ELEMENTS, drivers
from mappedram.format.constants import SectionType
from mappedram.format.drivers.base import Driver, RefusalError, Span
from mappedram.format.structures import KINDS as ALL_KINDS
from mappedram.format.typed import Fields, Kind, Params
from mappedram.io.opening import open_source
from mappedram.stream.libvirt import detect, open_any
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.vmstate import decode
from tools.atheris.feed import Feed
from tools.oracle import OracleBlock, OracleFile

#: Numbers of zeros that follow the bytes as a hole: pages can exist without taking space.
HOLES = (0, 1 << 13, 1 << 20, 1 << 32)
#: Limit of a decompressed stream.
_UNPACKED_MAX = 8 << 20
#: Bytes read of the memory of a block.
_READ_MAX = 1 << 16
_DRIVERS = [drivers.get(name) for name in drivers.DRIVERS]
#: A byte selects a structure; each bit of the next byte is a parameter of the stream around it.
KINDS = sorted(ELEMENTS)
KINDS = [ALL_KINDS[name] for name in sorted(ELEMENTS)]
#: Page size of page records.
_LEN_PAGE = 4096
PARAMS = ("has_page_size", "has_addr", "has_mapped_ram", "is_be")


class DisagreementError(AssertionError):
    """Two readers disagree about the same bytes, or a reader breaks a promise."""


def _same(what: str, first: object, second: object) -> None:
    if first != second:
        raise DisagreementError(f"{what}: {first!r} is not {second!r}")


@contextmanager
def _file(data: bytes, hole: int = 0) -> Iterator[int]:
    fd = os.memfd_create("mappedram-atheris")
    try:
        os.pwrite(fd, data, 0)
        os.ftruncate(fd, len(data) + hole)
        yield fd
    finally:
        os.close(fd)


def reader(feed: Feed) -> None:
    """Both drivers read it; every byte has one region; rules, memory and devices hold."""
    hole = feed.choice(HOLES)
    with _file(feed.rest(), hole) as fd:
        for driver in drivers.DRIVERS:
            _read(fd, driver)
        report = check(fd)
        json.dumps(report.to_dict())
        # The rule that compares both walks, and knows where one of them ends sooner.
        _same("MR005", [f for f in report.findings if f.code == "MR005"], [])
        try:
            with open_snapshot(fd, partial=True) as snapshot:
                _look_at(snapshot)
        except MappedRamError:
            pass


def _read(fd: int, driver: drivers.DriverName) -> None:
    with suppress(MappedRamError), open_snapshot(fd, driver=driver, partial=True):
        pass


def _look_at(snapshot: OpenSnapshot) -> None:
    regions = snapshot.regions()
    _same("first region", regions[0].offset if regions else 0, 0)
    for here, there in pairwise(regions):
        _same("next region", here.end, there.offset)
    _same("last region", regions[-1].end if regions else 0, snapshot.source.size)
    for element in snapshot.stream.elements[:100]:
        _same("last field", snapshot.fields(element)[-1].end, element.length)
    for block in snapshot.blocks:
        try:
            memory = block.read(0, min(block.used_length, _READ_MAX))
            _same("memory", len(memory), min(block.used_length, _READ_MAX))
        except MappedRamError:
            pass
    _decode(snapshot)


def _decode(snapshot: OpenSnapshot) -> None:
    states = decode(snapshot)
    for state in states:
        position = state.offset
        for _, leaf in state.leaves():
            _same("leaf", leaf.offset, position)
            position = leaf.offset + leaf.length
        _same("payload", position, state.offset + state.length)


def structures(feed: Feed) -> None:
    """Both drivers read one structure equally, and write it back unchanged."""
    kind = feed.choice(KINDS)
    flags = feed.number(0, (1 << len(PARAMS)) - 1)
    chosen = {name: bool(flags >> bit & 1) for bit, name in enumerate(PARAMS)}
    params: Params = {**chosen, "len_page": _LEN_PAGE}
    data = feed.rest()
    first, second = (_outcome(driver, kind, data, params) for driver in _DRIVERS)
    _same(kind, first, second)
    if not isinstance(first, _Parsed):
        return
    for driver in _DRIVERS:
        built = driver.build(kind, first.values, params)
        _same(f"{kind} written", built, data[: first.length])


class _Parsed(NamedTuple):
    """Result of a driver for bytes that it accepts."""

    values: Fields
    length: int
    spans: list[Span]


def _outcome(driver: Driver, kind: Kind[Fields], data: bytes, params: Params) -> object:
    try:
        return _Parsed(*driver.parse(kind, data, params), driver.spans(kind, data, params))
    except RefusalError as error:
        return error.path, error.start, error.short, error.actual


#: A stream without RAM, up to the payload of its one device.
_HEAD = (
    b"QEVM\0\0\0\3\7\0\0\0\4none\5\x1aconfiguration/capabilities\0\0\0\1\0\0\0\1\x0amapped-ram"
    b"\1\0\0\0\1\3ram\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\x10\x7e\0\0\0\1"
    b"\3\0\0\0\1\0\0\0\0\0\0\0\x10\x7e\0\0\0\1\4\0\0\0\2\3dev\0\0\0\0\0\0\0\1"
)


def devices(feed: Feed) -> None:
    """Any description of any payload becomes values, and every byte of it belongs to one leaf."""
    payload_size = feed.number(0, 255)
    rest = feed.rest()
    payload, text = rest[:payload_size], rest[payload_size:]
    described = b'{"page_size": 4096, "devices": [{"name": "dev", "instance_id": 0, ' + text
    stream = _HEAD + payload + b"\x7e\0\0\0\2\0" + bytes([SectionType.VMDESCRIPTION])
    with _file(stream + len(described).to_bytes(4, "big") + described) as fd:
        json.dumps(check(fd).to_dict())
        try:
            with open_snapshot(fd, partial=True) as snapshot:
                _decode(snapshot)
        except MappedRamError:
            pass


def images(feed: Feed) -> None:
    """Any save image of libvirt is opened or refused; both drivers read its header equally.

    The same holds for any metadump, of which `Source` already refuses damaged ones.
    """
    with _file(feed.rest()) as fd:
        _same("image", *[_image(fd, driver) for driver in drivers.DRIVERS])
        json.dumps(check(fd).to_dict())
        try:
            with open_any(fd, partial=True, limit=_UNPACKED_MAX, on_damage=lambda _: None) as (
                snapshot,
                _,
            ):
                _look_at(snapshot)
        except MappedRamError:
            pass


def _image(fd: int, driver: drivers.DriverName) -> object:
    try:
        with open_source(fd) as source:
            return detect(source, driver=driver)
    except MappedRamError as error:
        return error


def written(feed: Feed) -> None:
    """Both drivers find in a file what the oracle wrote with plain `struct`."""
    page_size = 1 << feed.number(10, 16)
    capabilities = feed.choice([("mapped-ram",), ("x-ignore-shared", "mapped-ram")])
    counts = sorted((feed.number(1, 300) for _ in range(feed.number(0, 4))), reverse=True)
    blocks = []
    for number, count in enumerate(counts):
        edges = sorted({feed.number(0, count) for _ in range(feed.number(0, 6))})
        runs = [*zip(edges[::2], edges[1::2], strict=False)]
        fill = feed.choice([b"\1", None, b"\0\xff"])
        blocks.append(OracleBlock(f"{number}/ram", count * page_size, runs, fill))
    oracle = OracleFile(
        blocks,
        machine="m" * feed.number(1, 40),
        page_size=page_size,
        align=page_size << feed.number(0, 6),
        parts=feed.number(0, 9),
        offset=feed.number(0, 1 << 20),
        footers=bool(feed.number(0, 1)),
        vmdescription=bool(feed.number(0, 1)),
        capabilities=capabilities,
        addr=[feed.number(0, 1 << 63) for _ in blocks],
    )
    with _file(b"") as fd:
        size = oracle.write(fd)
        for driver in drivers.DRIVERS:
            with open_snapshot(fd, oracle.offset, driver=driver) as snapshot:
                _compare(oracle, snapshot, size)
        errors = [f for f in check(fd, oracle.offset).findings if f.severity == Severity.ERROR]
        _same("errors", errors, [])


def _compare(oracle: OracleFile, snapshot: OpenSnapshot, size: int) -> None:
    stream = snapshot.stream
    _same("end", (stream.stopped, stream.complete, stream.end), (None, True, size))
    _same("machine", (stream.machine, stream.capabilities), (oracle.machine, oracle.capabilities))
    _same("blocks", [b.idstr for b in snapshot.blocks], [b.idstr for b in oracle.blocks])
    shared = "x-ignore-shared" in oracle.capabilities
    for number, (block, spec) in enumerate(zip(snapshot.blocks, oracle.blocks, strict=True)):
        _same("length", (block.used_length, block.page_size), (spec.used_length, oracle.page_size))
        _same("addr", block.model.addr, oracle.addr[number] if shared else None)
        pages = [page for start, stop in block.runs().tolist() for page in range(start, stop)]
        _same("pages", pages, [page for start, stop in spec.runs for page in range(start, stop)])
        fill = spec.fill or b"\0"
        for start, stop in spec.runs:
            length = (stop - start) * oracle.page_size
            expected = (fill * (length // len(fill) + 1))[:length]
            _same("memory", block.read(start * oracle.page_size, length), expected)


TARGETS: dict[str, Callable[[Feed], None]] = {
    "reader": reader,
    "structures": structures,
    "devices": devices,
    "images": images,
    "written": written,
}


def run(data: bytes) -> None:
    """Run the target that the first byte selects.

    Raises:
        DisagreementError: a promise is broken.
        Exception: anything else is a bug as well.
    """
    feed = Feed(data)
    feed.choice(list(TARGETS.values()))(feed)
