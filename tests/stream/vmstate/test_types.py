"""Each wire type, both ways, and values that do not fit."""

from typing import Any

import pytest

from mappedram import BuildError
from mappedram.stream.vmstate import Undecoded, to_json
from mappedram.stream.vmstate.codecs import CODECS
from tests.stream.vmstate.synthetic import OFFSET, device, field, struct, vmsd

VALUES: list[tuple[str, str, Any]] = [
    ("bool", "01", True),
    ("bool", "00", False),
    ("int8", "ff", -1),
    ("int16", "8000", -0x8000),
    ("int32", "fffffffe", -2),
    ("int32 equal", "00000007", 7),
    ("int32 le", "00000102", 0x102),
    ("int64", "8000000000000000", -(1 << 63)),
    ("uint8", "ff", 0xFF),
    ("uint8 equal", "fe", 0xFE),
    ("uint16", "8001", 0x8001),
    ("uint16 equal", "8001", 0x8001),
    ("uint32", "fffffffe", 0xFFFFFFFE),
    ("uint32 equal", "00000001", 1),
    ("uint64", "ffffffffffffffff", (1 << 64) - 1),
    ("int64 equal", "ffffffffffffffff", (1 << 64) - 1),
    ("timer", "ffffffffffffffff", -1),
    ("timer", "00000000000f4240", 1_000_000),
    ("CPU_Double_U", "3ff0000000000000", 0x3FF0_0000_0000_0000),
    ("buffer", "00ff10", b"\x00\xff\x10"),
    ("buffer", "", b""),
    ("unused_buffer", "0000", b"\0\0"),
    ("capability", "0a" + b"mapped-ram".hex(), "mapped-ram"),
    ("GByteArray", "00000003" + "010203", b"\1\2\3"),
    ("GByteArray", "00000000", b""),
    ("nullptr", "30", None),
    ("ptr-marker", "30", None),
    ("fd", "ffffffff", -1),
    ("fd", "00", b"\0"),
    ("cpsr", "400001d3", 0x400001D3),
    ("sreg", "80", 0x80),
    ("fpr", "0000000000000001", 1),
    ("fpr", "00" * 15 + "01", b"\0" * 15 + b"\1"),
    ("powered_off", "01", True),
    ("virtio", "c0ffee", b"\xc0\xff\xee"),
    ("pci config", "8680", b"\x86\x80"),
    ("a type of tomorrow", "0102", b"\1\2"),
]


@pytest.mark.parametrize(("kind", "data", "value"), VALUES)
def test_value_of_a_type(kind: str, data: str, value: Any) -> None:
    payload = bytes.fromhex(data)
    state = device([field("before", "uint8", 1), field("f", kind, len(payload))], b"\x55" + payload)
    assert state["f"] == value
    assert type(state["f"]) is type(value)
    assert state.fields == {"before": 0x55, "f": value}
    assert state.encode("f", value) == (OFFSET + 1, payload)
    assert state.encode("f", to_json(value)) == (OFFSET + 1, payload)


def test_every_type_of_the_table_is_tried() -> None:
    tried = {kind for kind, _, _ in VALUES}
    registers = {kind for kind in CODECS if CODECS[kind] is CODECS["cpsr"]}
    assert set(CODECS) - registers <= tried


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("uint32", "010203", "uint32: expected 4 bytes, got 3"),
        ("uint8", "", "uint8: expected 1 byte, got 0"),
        ("bool", "02", "bool: expected one byte, 0 or 1"),
        ("nullptr", "00", "nullptr: expected the mark of a null pointer, 0x30"),
        ("capability", "0a61", "capability: the count of bytes in front does not fit the field"),
        ("capability", "01ff", "capability: expected ASCII text"),
        ("GByteArray", "0001", "GByteArray: the count of bytes in front does not fit the field"),
        ("bitmap", "010203", "expected words of 8 bytes, got 3 bytes"),
        ("struct", "0102", "the struct has no description"),
        ("tmp", "0102", "the struct has no description"),
        ("gtree", "0102", "too short for a tree"),
        ("qlist", "", f"expected the end of the list at {OFFSET:#x}"),
    ],
)
def test_what_cannot_be_decoded_is_bytes_and_the_next_field_is_found(
    kind: str, data: str, reason: str
) -> None:
    payload = bytes.fromhex(data)
    fields = [field("f", kind, len(payload)), field("next", "uint16", 2)]
    state = device(fields, payload + b"\x12\x34")
    assert state.fields == {"f": Undecoded(payload, reason), "next": 0x1234}
    document: Any = state.to_json()
    assert document["fields"]["f"] == {"undecoded": data, "reason": reason}
    assert state.encode("f", payload) == (OFFSET, payload)


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("bitmap", "8000000000000001" + "0000000000000002", [(1 << 63) | 1, 2]),
        ("pci irq state", "00000001" + "00000000" * 3, [1, 0, 0, 0]),
        ("slbe", "00" * 7 + "01" + "00" * 8, [1, 0]),
        ("avr", "00" * 8 + "00" * 7 + "02", [0, 2]),
        ("tlb entry", "00" * 32, [0, 0, 0, 0]),
        ("bitmap", "", []),
    ],
)
def test_words(kind: str, data: str, words: list[int]) -> None:
    payload = bytes.fromhex(data)
    state = device([field("f", kind, len(payload))], payload)
    assert state["f"] == words
    if words:
        size = len(payload) // len(words)
        offset, changed = state.encode(f"f[{len(words) - 1}]", 3)
        assert (offset, changed) == (OFFSET + len(payload) - size, (3).to_bytes(size, "big"))


@pytest.mark.parametrize(
    ("kind", "size", "value", "message"),
    [
        ("uint8", 1, 256, "expected 0x0 to 0xff, got 0x100"),
        ("uint64", 8, -1, "expected 0x0 to 0xffffffffffffffff, got -0x1"),
        ("int16", 2, 0x8000, "expected -0x8000 to 0x7fff, got 0x8000"),
        ("uint8", 1, True, "expected an integer, got True"),
        ("uint8", 1, "1", "expected an integer, got '1'"),
        ("bool", 1, 1, "expected true or false, got 1"),
        ("buffer", 2, b"\1", "expected 2 bytes, the current size, got 1"),
        ("buffer", 2, "0x12", "expected hexadecimal digits, got '0x12'"),
        ("buffer", 2, 5, "expected bytes, got 5"),
        ("nullptr", 1, 0, "a null pointer cannot become 0"),
    ],
)
def test_value_that_does_not_fit(kind: str, size: int, value: object, message: str) -> None:
    payload = b"0" if kind == "nullptr" else bytes(size)
    state = device([field("f", kind, size)], payload)
    with pytest.raises(BuildError) as caught:
        state.encode("f", value)
    assert str(caught.value) == f"dev: f: {message}"


@pytest.mark.parametrize("value", ["mapped-ra", b"mapped-ram", "mapped-räm"])
def test_text_that_does_not_fit(value: object) -> None:
    state = device([field("f", "capability", 11)], b"\x0amapped-ram")
    with pytest.raises(BuildError, match="dev: f: expected"):
        state.encode("f", value)


def test_struct() -> None:
    inner = vmsd("inner", [field("a", "uint8", 1), field("b", "uint16", 2)])
    state = device([struct("s", 3, inner), field("z", "uint8", 1)], b"\1\0\2\3")
    assert state.fields == {"s": {"a": 1, "b": 2}, "z": 3}
    assert state["s.b"] == 2
    assert state.find("s.b").offset == OFFSET + 1
    assert (state.find("s").offset, state.find("s").length) == (OFFSET, 3)


@pytest.mark.parametrize("kind", ["vstruct", "tmp"])
def test_struct_that_stands_directly_in_the_field(kind: str) -> None:
    inner = vmsd("inner", [field("a", "uint8", 1), field("b", "uint16", 2)])
    state = device([field("s", kind, 3, *inner)], b"\1\0\2")
    assert state.fields == {"s": {"a": 1, "b": 2}}


def test_struct_longer_than_its_fields() -> None:
    inner = vmsd("inner", [field("a", "uint8", 1)])
    state = device([struct("s", 3, inner), field("z", "uint8", 1)], b"\1\2\3\4")
    rest = Undecoded(b"\2\3", "no field of the description covers this")
    assert state.fields == {"s": {"a": 1, "(rest)": rest}, "z": 4}
    assert state.encode("s.(rest)", b"\0\0") == (OFFSET + 1, b"\0\0")


def test_struct_shorter_than_its_fields() -> None:
    inner = vmsd("inner", [field("a", "uint8", 1), field("b", "uint32", 4)])
    state = device([struct("s", 3, inner), field("z", "uint8", 1)], b"\1\2\3\4")
    reason = "the description calls for 4 bytes, 2 left"
    assert state.fields == {"s": {"a": 1, "b": Undecoded(b"\2\3", reason)}, "z": 4}


def test_old_style_section() -> None:
    """Without a VMStateDescription, the text has the size and one buffer."""
    state = device([field("data", "buffer", 3)], b"\1\2\3")
    assert state.fields == {"data": b"\1\2\3"}
