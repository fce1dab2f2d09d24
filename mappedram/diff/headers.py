"""Compare headers of the guest and of its RAM blocks, except for file offsets."""

from collections.abc import Callable, Iterator

from mappedram.diff.differences import BlockDifference, HeaderDifference, Said
from mappedram.errors import MappedRamError
from mappedram.format.constants import CAPABILITY_MAPPED_RAM
from mappedram.stream.block import Block
from mappedram.stream.model import Stream

_HEADERS: dict[str, Callable[[Stream], Said]] = {
    "machine": lambda stream: stream.machine,
    "page_size": lambda stream: stream.page_size,
    # The order is that of an enumeration in the QEMU that wrote them; mapped-ram describes how the
    # file stores pages, not their contents.
    "capabilities": lambda stream: sorted({*stream.capabilities} - {CAPABILITY_MAPPED_RAM}),
    "uuid": lambda stream: _hex(stream.configuration.uuid) if stream.configuration else None,
}

_BLOCK: dict[str, Callable[[Block], int | None]] = {
    "used_length": lambda block: block.used_length,
    "page_size": lambda block: _page_size(block),
    # Only x-ignore-shared leaves blocks out, and stores an address for each.
    "ignored": lambda block: block.model.ignored,
    "addr": lambda block: block.model.addr,
}


def _page_size(block: Block) -> int | None:
    try:
        return block.page_size
    except MappedRamError:
        return None


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def compare_headers(a: Stream, b: Stream) -> Iterator[HeaderDifference]:
    """Compare what two streams say of the guest."""
    for name, value in _HEADERS.items():
        if name == "uuid" and uuid_left_out(a, b):
            continue
        if value(a) != value(b):
            yield HeaderDifference(name, value(a), value(b))


def uuid_left_out(*streams: Stream) -> bool:
    """Whether a metadump left out the UUID of one of them."""
    return any(one.configuration and one.configuration.uuid_left_out for one in streams)


def compare_block(a: Block | None, b: Block | None) -> Iterator[BlockDifference]:
    """Compare the headers of one block; None stands for a missing block."""
    if a is None or b is None:
        present = a or b
        assert present
        yield BlockDifference(
            present.idstr, "block", a.used_length if a else None, b.used_length if b else None
        )
        return
    for name, value in _BLOCK.items():
        # A value that one file lacks is no difference.
        if value(a) != value(b) and None not in (value(a), value(b)):
            yield BlockDifference(a.idstr, name, value(a), value(b))
