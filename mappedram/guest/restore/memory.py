"""Blocks of guest memory, and the options that create them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mappedram.guest.machine import backend_id, backends_of
from mappedram.stream.model import RamBlock, Stream


@dataclass(frozen=True, slots=True)
class MemoryOptions:
    """The options for memory.

    Attributes:
        machine: additions to `-machine`.
        options: the options themselves.
        doubts: guesses about them, as sentences.
    """

    machine: str
    options: tuple[str, ...]
    doubts: tuple[str, ...]


def memory_of(stream: Stream, ram_id: str | None) -> MemoryOptions:
    """The options for the memory of a machine whose own RAM block is named `ram_id`."""
    own = [block for block in stream.blocks if block.idstr == ram_id]
    backends = backends_of(stream, ram_id)
    if ram_id is None:
        return MemoryOptions("", (), ("which blocks are RAM, so that -m and -object are missing",))
    if own:
        options = ["-m", size_option(own[0].used_length)]
        doubts = [
            f"what block {block.idstr!r} of {size_option(block.used_length)} belongs to: a DIMM"
            f" (-device pc-dimm,memdev={backend_id(block)}) or another device"
            for block in backends
        ]
        return MemoryOptions("", (*options, *_objects(backends)), tuple(doubts))
    total = sum(block.used_length for block in backends)
    if not backends:
        return MemoryOptions("", (), ())
    common = ("-m", size_option(total), *_objects(backends))
    if len(backends) == 1:
        return MemoryOptions(f",memory-backend={backend_id(backends[0])}", common, ())
    nodes = [
        option for block in backends for option in ("-numa", f"node,memdev={backend_id(block)}")
    ]
    return MemoryOptions("", (*common, *nodes), _numa_doubts(backends))


def _numa_doubts(backends: Sequence[RamBlock]) -> tuple[str, ...]:
    doubts = ["whether the blocks are NUMA nodes, in this order, or memory of devices"]
    if len({block.used_length for block in backends}) > 1:
        doubts.append("the order of the nodes: the file lists blocks by length")
    return tuple(doubts)


def _objects(blocks: Sequence[RamBlock]) -> Iterator[str]:
    for block in blocks:
        yield "-object"
        yield backend_option(backend_id(block), block.used_length)


def backend_option(name: str, length: int) -> str:
    """The value of -object that creates a block of that name."""
    return f"memory-backend-ram,id={escaped(name)},size={size_option(length)}"


def size_option(length: int) -> str:
    """A size as an exact value for QEMU's options."""
    for shift, suffix in ((30, "G"), (20, "M"), (10, "K")):
        if length and length % (1 << shift) == 0:
            return f"{length >> shift}{suffix}"
    return str(length)


def escaped(text: str) -> str:
    """Escape a value for an option of QEMU: a comma ends it, so commas are doubled."""
    return text.replace(",", ",,")
