"""Which blocks are the memory of the guest, and which options bring them about."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mappedram.model import RamBlock, Stream

#: Blocks that a machine or a device brings with it, whatever `-m` and `-object` say.
_BROUGHT = re.compile(
    r"pc\.(bios|rom)|isa-bios|(virt|system)\.flash\d|/rom@.*|.*\.(mrom|rom|prom|vram|nvram|bios)"
    r"|.*:.*/.*"
)
#: How machine types before 4.0 spell the name of a backend.
_OLD_PREFIX = "/objects/"


@dataclass(frozen=True, slots=True)
class Memory:
    """The options for memory.

    Attributes:
        machine: what is added to `-machine`.
        options: the options themselves.
        doubts: what is a guess about them.
    """

    machine: str
    options: tuple[str, ...]
    doubts: tuple[str, ...]


def memory_of(stream: Stream, ram_id: str | None) -> Memory:
    """The options for the memory of a machine whose own RAM block is called `ram_id`."""
    own = [block for block in stream.blocks if block.idstr == ram_id]
    backends = [
        block
        for block in stream.blocks
        if block not in own and not _BROUGHT.fullmatch(_backend_id(block))
    ]
    if ram_id is None:
        return Memory("", (), ("which blocks are RAM, so that -m and -object are missing",))
    if own:
        options = ["-m", size_option(own[0].used_length)]
        doubts = [
            f"what block {block.idstr!r} of {size_option(block.used_length)} belongs to: a DIMM"
            f" (-device pc-dimm,memdev={_backend_id(block)}) or another device"
            for block in backends
        ]
        return Memory("", (*options, *_objects(backends)), tuple(doubts))
    total = sum(block.used_length for block in backends)
    if not backends:
        return Memory("", (), ())
    common = ("-m", size_option(total), *_objects(backends))
    if len(backends) == 1:
        return Memory(f",memory-backend={_backend_id(backends[0])}", common, ())
    nodes = [
        option for block in backends for option in ("-numa", f"node,memdev={_backend_id(block)}")
    ]
    return Memory("", (*common, *nodes), _numa_doubts(backends))


def _numa_doubts(backends: Sequence[RamBlock]) -> tuple[str, ...]:
    doubts = ["whether the blocks are NUMA nodes, in this order, or memory of devices"]
    if len({block.used_length for block in backends}) > 1:
        doubts.append("the order of the nodes: the file lists blocks by length")
    return tuple(doubts)


def owned_backends(stream: Stream) -> Iterator[tuple[str, str, int]]:
    """Backends that a device has named: address of the device, id of the backend, bytes."""
    for block in stream.blocks:
        address, _, name = block.idstr.rpartition("/")
        if ":" in address and "." not in name:
            yield address, name, block.used_length


def _backend_id(block: RamBlock) -> str:
    return block.idstr.removeprefix(_OLD_PREFIX)


def _objects(blocks: Sequence[RamBlock]) -> Iterator[str]:
    for block in blocks:
        yield "-object"
        yield backend_option(_backend_id(block), block.used_length)


def backend_option(name: str, length: int) -> str:
    """The value of -object that makes a block of that name."""
    return f"memory-backend-ram,id={escaped(name)},size={size_option(length)}"


def size_option(length: int) -> str:
    """A size as QEMU's options take it, exact."""
    for shift, suffix in ((30, "G"), (20, "M"), (10, "K")):
        if length and length % (1 << shift) == 0:
            return f"{length >> shift}{suffix}"
    return str(length)


def escaped(text: str) -> str:
    """A value within an option of QEMU, where a comma ends it and two are one."""
    return text.replace(",", ",,")
