"""The blocks of main memory and their order, and the places of device memory."""

import pytest

from mappedram.guest.physical.devices import dimms
from mappedram.guest.physical.main_memory import main_memory
from mappedram.stream.model import RamBlock
from tests.blocks import ram_block

MIB, GIB = 1 << 20, 1 << 30


def blocks(**sizes: int) -> list[RamBlock]:
    """Blocks with these numbers of GiB; an underscore becomes a hyphen."""
    return [ram_block(name.replace("_", "-"), size * GIB) for name, size in sizes.items()]


def test_the_machines_own_block_is_all_of_it() -> None:
    own, other = blocks(pc=2, d=1)
    found = main_memory([own], [other], (), 3 * GIB)
    assert (found.blocks, found.others, found.certain, found.doubts) == ((own,), (other,), True, ())
    assert found.total == 2 * GIB


def test_one_backend_is_all_of_it() -> None:
    (only,) = blocks(m0=1)
    assert main_memory([], [only], (), None).blocks == (only,)
    assert main_memory([], [only], (), None).certain


def test_no_block_at_all() -> None:
    assert main_memory([], [], (), None).total == 0


@pytest.mark.parametrize(
    ("sizes", "nodes", "order", "others", "certain"),
    [
        # The sizes of nodes determine the order.
        ({"b": 3, "a": 1}, (1, 3), ["a", "b"], [], True),
        ({"b": 3, "d": 2, "a": 1}, (1, 3), ["a", "b"], ["d"], True),
        # They do not.
        ({"b": 1, "a": 1}, (1, 1), ["b", "a"], [], False),
        ({"b": 3, "d": 1, "a": 1}, (1, 3), ["d", "b"], ["a"], False),
        # Names do, even against the order of the file.
        ({"ram_node1": 1, "ram_node0": 1}, (1, 1), ["ram-node0", "ram-node1"], [], True),
        ({"ram_node10": 1, "ram_node9": 1}, (1, 1), ["ram-node9", "ram-node10"], [], True),
        ({"m2": 1, "m1": 1}, (1, 1), ["m1", "m2"], [], False),
        # Sizes take precedence over names.
        ({"ram_node0": 3, "ram_node1": 1}, (1, 3), ["ram-node1", "ram-node0"], [], True),
        # A block is missing: only the names are left.
        ({"ram_node1": 3, "ram_node0": 1}, (2, 2), ["ram-node0", "ram-node1"], [], True),
        ({"b": 3, "a": 1}, (2, 2), ["b", "a"], [], False),
    ],
)
def test_order_of_nodes(
    sizes: dict[str, int],
    nodes: tuple[int, ...],
    order: list[str],
    others: list[str],
    certain: bool,
) -> None:
    found = main_memory([], blocks(**sizes), [size * GIB for size in nodes], None)
    assert [block.idstr for block in found.blocks] == order
    assert [block.idstr for block in found.others] == others
    assert found.certain == certain
    assert bool(found.doubts) == (not certain)


@pytest.mark.parametrize(
    ("sizes", "total", "chosen", "certain"),
    [
        ({"a": 2, "b": 1}, 3, ["a", "b"], False),
        ({"ram_node1": 2, "ram_node0": 1}, 3, ["ram-node0", "ram-node1"], True),
        ({"a": 4, "b": 2, "d": 1}, 6, ["a", "b"], False),
        ({"a": 4, "d": 1}, 4, ["a"], True),
        # Two ways to add up, or none.
        ({"a": 3, "b": 2, "c": 1}, 3, ["a", "b", "c"], False),
        ({"a": 4, "b": 2}, 5, ["a", "b"], False),
        ({"a": 4, "b": 2}, None, ["a", "b"], False),
    ],
)
def test_main_memory_by_its_size(
    sizes: dict[str, int], total: int | None, chosen: list[str], certain: bool
) -> None:
    found = main_memory([], blocks(**sizes), (), total and total * GIB)
    assert [block.idstr for block in found.blocks] == chosen
    assert found.certain == certain
    assert {block.idstr for block in (*found.blocks, *found.others)} == {
        name.replace("_", "-") for name in sizes
    }


def test_thousands_of_blocks_take_no_time() -> None:
    many = blocks(**{f"b{n}": n + 1 for n in range(3000)})
    found = main_memory([], many, (), 17 * GIB)
    assert len(found.blocks) == 3000
    assert not found.certain


@pytest.mark.parametrize(
    ("sizes", "limit", "taken", "places"),
    [
        ({"d": 1, "e": 2}, None, (), {"d": 8, "e": 9}),
        ({"d": 1, "e": 2}, 11, (), {"d": 8, "e": 9}),
        ({"d": 1, "e": 2}, 10, (), {"d": 8}),
        ({"d": 1, "e": 2}, None, ((9, 1),), {"d": 8, "e": 10}),
        ({"d": 2, "e": 1}, None, ((9, 1),), {"d": 10, "e": 12}),
        ({"d": 1}, None, ((4, 2), (8, 1), (9, 2)), {"d": 11}),
    ],
)
def test_places_of_dimms(
    sizes: dict[str, int],
    limit: int | None,
    taken: tuple[tuple[int, int], ...],
    places: dict[str, int],
) -> None:
    held = [(gpa * GIB, size * GIB) for gpa, size in taken]
    found = list(dimms(blocks(**sizes), 8 * GIB, limit and limit * GIB, held))
    assert {one.idstr: one.gpa // GIB for one in found} == places
    assert not any(one.certain for one in found)


def test_dimms_begin_at_a_huge_page() -> None:
    small = [ram_block("s", MIB), ram_block("t", MIB)]
    assert [one.gpa for one in dimms(small, MIB, None, ())] == [2 * MIB, 4 * MIB]
