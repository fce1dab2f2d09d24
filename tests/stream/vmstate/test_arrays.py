"""Arrays in all the forms in which releases of QEMU describe them."""

from typing import Any

import pytest

from mappedram.stream.vmstate import Undecoded
from tests.stream.vmstate.synthetic import OFFSET, Pairs, device, field, struct, vmsd

INNER = vmsd("inner", [field("a", "uint8", 1), field("b", "uint8", 1)])
ELEMENTS = [{"a": 1, "b": 2}, {"a": 3, "b": 4}, {"a": 5, "b": 6}]


def element(**extra: Any) -> Pairs:
    return struct("s", 2, INNER, **extra)


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([element(index=0), element(index=1), element(index=2)], id="9: all"),
        pytest.param([element(index=0), element(index=1), element()], id="10: all but the last"),
        pytest.param([element(), element(), element()], id="11: none"),
        pytest.param([element(array_len=3)], id="one entry for all"),
        pytest.param([element(array_len=2), element()], id="runs"),
    ],
)
def test_array_of_structs(entries: list[Pairs]) -> None:
    state = device([*entries, field("z", "uint8", 1)], bytes([1, 2, 3, 4, 5, 6, 7]))
    assert state.fields == {"s": ELEMENTS, "z": 7}
    assert state["s[2].b"] == 6
    assert state.find("s[2].b").offset == OFFSET + 5
    assert (state.find("s").offset, state.find("s").length) == (OFFSET, 6)


def test_array_of_integers() -> None:
    state = device([field("regs", "uint16", 2, array_len=4)], bytes(range(8)))
    assert state["regs"] == [0x0001, 0x0203, 0x0405, 0x0607]
    assert state.encode("regs[3]", 0xFFFF) == (OFFSET + 6, b"\xff\xff")


def test_array_without_elements() -> None:
    state = device([field("none", "uint16", 2, array_len=0), field("z", "uint8", 1)], b"\1")
    assert state.fields == {"none": [], "z": 1}


def test_array_of_one_element() -> None:
    """QEMU marks none as an array; a marked one is still an array."""
    state = device([field("bare", "uint8", 1), field("marked", "uint8", 1, index=0)], b"\1\2")
    assert state.fields == {"bare": 1, "marked": [2]}


def test_elements_of_different_length() -> None:
    """The text has the length of the first capability for all: spec/errata.md, E-012."""
    payload = b"\x0fx-ignore-shared\x0amapped-ram\x07"
    entries = [field("caps", "capability", 16, array_len=2), field("z", "uint8", 1)]
    assert device(entries, payload).fields == {"caps": ["x-ignore-shared", "mapped-ram"], "z": 7}


def test_elements_of_different_length_that_are_cut_off() -> None:
    state = device([field("caps", "capability", 16, array_len=3)], b"\x02ab\x05cd")
    reason = "an element ends behind the end"
    assert state["caps"] == ["ab", Undecoded(b"\x05cd", reason)]


def test_null_pointers_of_10() -> None:
    """An array of pointers is split into runs: s390_css."""
    entries = [
        field("css", "nullptr", 1, array_len=2),
        element_named("css", 2),
        field("css", "nullptr", 1),
        field("z", "uint8", 1),
    ]
    state = device(entries, b"00\1\x020\7")
    assert state.fields == {"css": [None, None, {"a": 1, "b": 2}, None], "z": 7}
    assert state.encode("css[2].a", 9) == (OFFSET + 2, b"\x09")


def test_null_pointers_of_11() -> None:
    entries = [
        field("css", "ptr-marker", 1, array_len=254),
        element_named("css", 2),
        field("css", "ptr-marker", 1),
    ]
    state = device(entries, b"0" * 254 + b"\1\x020")
    assert state["css"] == [None] * 254 + [{"a": 1, "b": 2}, None]


def test_marks_before_elements_of_11() -> None:
    """If the loader allocates the elements, a mark precedes each existing one."""
    mark, value = field("p", "ptr-marker", 1), element_named("p", 2)
    state = device([mark, value, mark, mark, value, field("z", "uint8", 1)], b"1\1\x0201\3\4\7")
    assert state.fields == {"p": [{"a": 1, "b": 2}, None, {"a": 3, "b": 4}], "z": 7}
    assert state["p[2].a"] == 3
    marks = [leaf.offset - OFFSET for _, leaf in state.leaves() if leaf.framing]
    assert marks == [0, 4]


def test_one_element_behind_a_mark_is_an_array() -> None:
    state = device([field("p", "ptr-marker", 1), field("p", "uint8", 1)], b"1\7")
    assert state["p"] == [7]


def test_mark_without_an_element() -> None:
    state = device([field("p", "ptr-marker", 1), field("z", "uint8", 1)], b"1\7")
    reason = "ptr-marker: expected the mark of a null pointer, 0x30"
    assert state.fields == {"p": Undecoded(b"1", reason), "z": 7}


def test_null_pointer_described_as_an_empty_struct() -> None:
    """Up to 9.2: spec/errata.md, E-015."""
    state = device([field("p", "struct", 1, ("struct", Pairs()))], b"0")
    assert state["p"] is None


def test_names_that_come_back_later() -> None:
    entries = [field("a", "uint8", 1), field("b", "uint8", 1), field("a", "uint8", 1)]
    assert device(entries, b"\1\2\3").fields == {"a": 1, "b": 2, "a#2": 3}


def element_named(name: str, size: int) -> Pairs:
    return struct(name, size, INNER)
