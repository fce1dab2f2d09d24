"""Blocks of main memory, in the order in which they fill it: that of the NUMA nodes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from mappedram.guest.machine import backend_id
from mappedram.stream.model import RamBlock

#: libvirt's name of the backend of a NUMA node; others may use it, too.
_LIBVIRT_NODE = re.compile(r"ram-node\d+")
_NUMBERED = re.compile(r"(.*?)(\d+)")
#: Sums are only tried with up to this many blocks.
_TRIED_MAX = 12


@dataclass(frozen=True, slots=True)
class Main:
    """Main memory.

    Attributes:
        blocks: its blocks, in order.
        certain: whether the order is certain.
        others: blocks of backends that belong to other memory.
        doubts: guesses, as sentences.
    """

    blocks: tuple[RamBlock, ...]
    certain: bool
    others: tuple[RamBlock, ...]
    doubts: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Size in bytes."""
        return sum(block.used_length for block in self.blocks)


def main_memory(
    own: Sequence[RamBlock],
    backends: Sequence[RamBlock],
    node_sizes: Sequence[int],
    total: int | None,
) -> Main:
    """Separate main memory from the memory of devices.

    Args:
        own: the block that the machine creates for `-m`, if there is one.
        backends: blocks of memory backends, in the order of the file.
        node_sizes: sizes of the NUMA nodes in order, if known.
        total: size of main memory in bytes, if known.
    """
    if own:
        return Main((own[0],), True, tuple(backends))
    if len(backends) == 1:
        return Main((backends[0],), True, ())
    if sum(node_sizes) and (found := _by_sizes(backends, node_sizes)):
        return found
    chosen = _by_total(backends, total)
    if len(chosen) == 1:
        return Main(chosen, True, _without(backends, chosen))
    return _ordered(chosen, _without(backends, chosen))


def _without(blocks: Sequence[RamBlock], taken: Sequence[RamBlock]) -> tuple[RamBlock, ...]:
    """The blocks not in `taken`, compared as objects because names need not be unique."""
    used = {id(block) for block in taken}
    return tuple(block for block in blocks if id(block) not in used)


def _by_sizes(backends: Sequence[RamBlock], node_sizes: Sequence[int]) -> Main | None:
    """One block for each node; of several that fit, the one with the lowest number in its name."""
    waiting: dict[int, list[RamBlock]] = {}
    for block in _by_number(backends) or backends:
        waiting.setdefault(block.used_length, []).append(block)
    chosen = []
    for size in node_sizes:
        if not waiting.get(size):
            return None
        chosen.append(waiting[size].pop(0))
    others = _without(backends, chosen)
    alike = [
        block
        for block in chosen
        if sum(other.used_length == block.used_length for other in backends) > 1
    ]
    if not alike or (not others and _named_as_nodes(alike)):
        return Main(tuple(chosen), True, others)
    sizes = {block.used_length for block in alike}
    names = ", ".join(repr(block.idstr) for block in backends if block.used_length in sizes)
    how = "the numbers in their names" if _by_number(backends) else "the order of the file"
    doubt = f"in which order {names} are main memory, if all are: of one size, they follow {how}"
    return Main(tuple(chosen), False, others, (doubt,))


def _by_total(backends: Sequence[RamBlock], total: int | None) -> tuple[RamBlock, ...]:
    """The only blocks that add up to the total; all blocks if that is ambiguous."""
    everything = tuple(backends)
    if total is None or len(backends) > _TRIED_MAX or _sum(everything) == total:
        return everything
    fitting = [
        tried
        for count in range(1, len(backends))
        for tried in combinations(backends, count)
        if _sum(tried) == total
    ]
    # Blocks of equal size in the order of the file are interchangeable.
    sizes = {tuple(sorted(block.used_length for block in tried)) for tried in fitting}
    return fitting[0] if len(sizes) == 1 else everything


def _sum(blocks: Sequence[RamBlock]) -> int:
    return sum(block.used_length for block in blocks)


def _ordered(blocks: tuple[RamBlock, ...], others: tuple[RamBlock, ...]) -> Main:
    """Order by the numbers in the names, or as in the file."""
    doubts = [] if _named_as_nodes(blocks) else [_doubt_of_order(blocks)]
    if not others and not doubts:
        return Main(_by_number(blocks) or blocks, True, others)
    if others:
        names = ", ".join(repr(block.idstr) for block in others)
        doubts.append(f"whether {names} are memory of devices: this is told from sizes")
    return Main(_by_number(blocks) or blocks, False, others, tuple(doubts))


def _doubt_of_order(blocks: Sequence[RamBlock]) -> str:
    how = "their names are numbered" if _by_number(blocks) else "the file lists them, by length"
    names = ", ".join(repr(block.idstr) for block in blocks)
    return f"whether {names} are NUMA nodes, in the order in which {how}"


def _named_as_nodes(blocks: Sequence[RamBlock]) -> bool:
    return all(_LIBVIRT_NODE.fullmatch(backend_id(block)) for block in blocks)


def _by_number(blocks: Sequence[RamBlock]) -> tuple[RamBlock, ...] | None:
    """Sort the blocks by the number in their names; None if the names differ in anything else."""
    found = [_NUMBERED.fullmatch(backend_id(block)) for block in blocks]
    numbers = [int(match[2]) for match in found if match]
    prefixes = {match[1] for match in found if match}
    if len(numbers) != len(blocks) or len(prefixes) != 1 or len(set(numbers)) != len(numbers):
        return None
    return tuple(block for _, block in sorted(zip(numbers, blocks, strict=True), key=_first))


def _first(pair: tuple[int, RamBlock]) -> int:
    return pair[0]
