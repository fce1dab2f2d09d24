"""Lists and trees, whose elements repeat their keys in one JSON object."""

import pytest

from mappedram.stream.vmstate import Undecoded
from tests.stream.vmstate.synthetic import OFFSET, device, dump, field, struct, vmsd

ONE = vmsd("elem", [field("a", "uint8", 1), field("b", "uint8", 1)])


@pytest.mark.parametrize("kind", ["qtailq", "qlist"])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_list(kind: str, count: int) -> None:
    payload = b"".join(bytes([1, i, 2 * i]) for i in range(count)) + b"\0"
    listed = field("l", kind, len(payload), *(ONE * count))
    assert dump(listed).count('"fields"') == count
    state = device([listed, field("z", "uint8", 1)], payload + b"\7")
    assert state.fields == {"l": [{"a": i, "b": 2 * i} for i in range(count)], "z": 7}
    marks = [(leaf.offset - OFFSET, leaf.value) for _, leaf in state.leaves() if leaf.framing]
    assert marks == [*((3 * i, 1) for i in range(count)), (3 * count, 0)]


def test_elements_of_a_list_can_differ() -> None:
    """Each has its own description: conditional fields, and subsections."""
    long = vmsd("elem", [field("a", "uint16", 2)], [vmsd("elem/more", [field("m", "uint8", 1)])])
    header = b"\x05\x09elem/more\0\0\0\1"
    payload = b"\1\x0a\x0b" + b"\1\0\x0c" + header + b"\x0d" + b"\0"
    state = device([field("l", "qtailq", len(payload), *ONE, *long)], payload)
    assert state["l"] == [{"a": 10, "b": 11}, {"a": 12, "elem/more": {"m": 13}}]
    assert state["l[1].elem/more.m"] == 13


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\0\1\2\0", "expected another element at 0x1000"),
        (b"\1\1\2\1", "expected the end of the list at 0x1003"),
        (b"\1\1\2\0\0", "the list ends 1 byte early"),
        (b"\1\1\2", "expected the end of the list at 0x1003"),
        (b"\1", "expected the end of the list at 0x1001"),
    ],
)
def test_list_that_is_not_as_described(payload: bytes, reason: str) -> None:
    state = device(
        [field("l", "qtailq", len(payload), *ONE), field("z", "uint8", 1)], payload + b"\7"
    )
    assert state.fields == {"l": Undecoded(payload, reason), "z": 7}


def test_tree_with_structs_as_keys() -> None:
    key = vmsd("key", [field("k", "uint8", 1)])
    payload = b"\0\0\0\2" + b"\1\x0a\1\2" + b"\1\x0b\3\4" + b"\0"
    tree = field("t", "gtree", len(payload), *key, *ONE, *key, *ONE)
    state = device([tree, field("z", "uint8", 1)], payload + b"\7")
    assert state["t"] == [
        {"key": {"k": 10}, "value": {"a": 1, "b": 2}},
        {"key": {"k": 11}, "value": {"a": 3, "b": 4}},
    ]
    assert state["t[1].value.b"] == 4
    assert state["z"] == 7


def test_tree_with_pointers_as_keys() -> None:
    payload = b"\0\0\0\1" + b"\1" + (0x1234).to_bytes(8, "big") + b"\1\2" + b"\0"
    state = device([field("t", "gtree", len(payload), *ONE)], payload)
    assert state["t"] == [{"key": 0x1234, "value": {"a": 1, "b": 2}}]
    assert state.encode("t[0].key", 1) == (OFFSET + 5, (1).to_bytes(8, "big"))


def test_tree_without_elements() -> None:
    assert device([field("t", "gtree", 5)], bytes(5))["t"] == []


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\0\0\0\3\0", "3 elements, but the description has 1 structs"),
        (b"\0\0\0\1\1\0\0", "the key of an element is truncated"),
        (b"\0\0\0\1\0" + bytes(9), "expected another element at 0x1004"),
    ],
)
def test_tree_that_is_not_as_described(payload: bytes, reason: str) -> None:
    state = device([field("t", "gtree", len(payload), *ONE)], payload)
    assert state["t"] == Undecoded(payload, reason)


def test_lists_in_an_array_of_structs() -> None:
    """The text has only the first element: the others must have the same layout."""
    inner = vmsd("inner", [field("l", "qlist", 4, *ONE)])
    payload = b"\1\1\2\0" + b"\1\3\4\0" + b"\0\0\0\0"
    state = device([struct("s", 4, inner, array_len=3)], payload)
    assert state["s[0].l"] == [{"a": 1, "b": 2}]
    assert state["s[1].l"] == [{"a": 3, "b": 4}]
    assert state["s[2].l"] == Undecoded(bytes(4), "expected another element at 0x1008")
