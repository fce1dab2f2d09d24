"""Descriptions that QEMU never writes: decoding gives only values, in bounded time and memory."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mappedram.stream import vmstate
from mappedram.stream.vmstate import Array, DeviceState, Undecoded, to_json
from mappedram.stream.vmstate.codecs import CODECS, GTREE, LISTS, STRUCTS, WORDS
from mappedram.stream.vmstate.description import DEPTH_MAX
from mappedram.stream.vmstate.state import BYTES_MAX
from tests.stream.vmstate.synthetic import (
    OFFSET,
    Pairs,
    check_leaves,
    decode_text,
    device,
    dump,
    field,
    snapshot,
    struct,
    vmsd,
)

TYPES = sorted({*CODECS, *WORDS, *STRUCTS, *LISTS, GTREE, "a type of tomorrow"})

numbers = st.integers(0, 9) | st.sampled_from([1, 2, 4, 8, 1 << 31, 1 << 62, 1 << 70, -1])
names = st.sampled_from(["a", "b", "a.b", "a[0]", "b.a", "", "(rest)", "a#2", "'a'", "dev/a"])
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(names, inner), max_size=3).map(Pairs)
    ),
    max_leaves=5,
)


def fields(nested: st.SearchStrategy[Pairs]) -> st.SearchStrategy[Any]:
    """Entries of `fields`: usually valid, sometimes anything."""
    simple = st.builds(field, names, st.sampled_from(TYPES), numbers)
    arrays = st.builds(field, names, st.sampled_from(TYPES), numbers, array_len=numbers)
    structs = st.builds(struct, names, numbers, nested)
    lists = st.builds(
        lambda name, kind, size, inside: field(name, kind, size, *[p for v in inside for p in v]),
        names,
        st.sampled_from(["qtailq", "qlist", "gtree", "tmp", "vstruct"]),
        numbers,
        st.lists(nested, max_size=3),
    )
    return simple | arrays | structs | lists | anything


def extended(nested: st.SearchStrategy[Pairs]) -> st.SearchStrategy[Pairs]:
    return st.builds(
        vmsd, names, st.lists(fields(nested), max_size=5), st.lists(nested, max_size=2)
    )


descriptions = st.recursive(
    st.builds(vmsd, names, st.lists(fields(st.just(Pairs())), max_size=4)), extended, max_leaves=6
)
payloads = st.binary(max_size=40) | st.lists(
    st.sampled_from(
        [b"\0", b"\1", b"0", b"1", b"\0\0\0\1", b"\5\1a\0\0\0\1", b"\5\5dev/a\0\0\0\1"]
    ),
    max_size=16,
).map(b"".join)


def check(state: DeviceState) -> None:
    check_leaves_without_paths(state)
    json.dumps(state.to_json(), allow_nan=False)


def check_leaves_without_paths(state: DeviceState) -> None:
    """Malicious names can be ambiguous; places and bytes are right all the same."""
    position = state.offset
    for _, leaf in state.leaves():
        assert leaf.offset == position
        position += leaf.length
    assert position == state.offset + state.length


@given(descriptions, payloads)
@example(vmsd("dev", [field("a", "uint8", 1), *[struct("a", 1, Pairs())] * 2]), b"0")
def test_any_description_of_any_bytes(description: Pairs, payload: bytes) -> None:
    pairs = Pairs([("name", "dev"), ("instance_id", 0), *description])
    states = decode_text(dump({"devices": [pairs]}).encode(), payload)
    check(states["dev"])


@given(anything, anything, st.binary(max_size=10))
def test_any_json(devices: Any, configuration: Any, payload: bytes) -> None:
    text = dump({"devices": devices, "configuration": configuration})
    check(decode_text(text.encode(), payload)["dev"])


@given(st.binary(max_size=40), st.binary(max_size=10))
def test_any_text(text: bytes, payload: bytes) -> None:
    check(decode_text(text, payload)["dev"])


@pytest.mark.parametrize("size", [-1, 1 << 63, 1.0, "1", None, True, [1]])
@pytest.mark.parametrize("key", ["size", "array_len"])
def test_sizes_that_are_none(key: str, size: Any) -> None:
    """The place of the next field is then unknown: the rest is bytes."""
    entry = Pairs([("name", "f"), ("type", "uint8"), ("size", 1)])
    entry = Pairs([*((k, v) for k, v in entry if k != key), (key, size)])
    state = device([field("a", "uint8", 1), entry, field("z", "uint8", 1)], b"\1\2\3")
    reason = "the description has no size for this"
    assert state["a"] == 1
    found = state["f"]
    assert (found[0] if isinstance(found, list) else found) == Undecoded(b"\2\3", reason)
    assert state["z"] == Undecoded(b"", "the description calls for 1 byte, 0 left")


@pytest.mark.parametrize("inside", [[], "x", 1, None, {}, {"fields": {}}, {"fields": [[]]}])
def test_struct_that_is_none(inside: Any) -> None:
    state = device([field("s", "struct", 2, ("struct", inside)), field("z", "uint8", 1)], b"\1\2\3")
    assert state["z"] == 3


@pytest.mark.parametrize("kind", ["uint8", "struct", "capability", "bitmap", "qlist"])
@pytest.mark.parametrize("size", [0, 1, 1 << 62])
def test_arrays_that_are_too_long(kind: str, size: int) -> None:
    inner = ("struct", vmsd("inner", [field("x", "uint8", 0)]))
    state = device([field("f", kind, size, inner, array_len=1 << 62)], b"\1\2\3")
    value = state["f"]
    assert isinstance(value, list)
    assert value == [Undecoded(b"\1\2\3" if size else b"", "too many values")]


def test_values_have_a_limit_for_the_whole_file() -> None:
    """Arrays in arrays, of fields without bytes."""
    inner = vmsd("inner", [field("x", "buffer", 0, array_len=1000)])
    entries = [struct(f"s{i}", 0, inner, array_len=100) for i in range(1000)]
    text = dump({"devices": [Pairs([("name", "dev"), ("instance_id", 0), *vmsd("dev", entries)])]})
    with snapshot(text.encode(), b"") as opened:
        state = vmstate.decode(opened, values_max=500_000)["dev"]
    assert len(list(state.leaves())) < 500_000
    assert isinstance(state["s3"], list)
    assert len(state["s3"]) == 100
    assert state["s5"] == [Undecoded(b"", "too many values")]


def test_depth_has_a_limit() -> None:
    inner = vmsd("inner", [field("x", "uint8", 1)])
    for _ in range(DEPTH_MAX + 5):
        inner = vmsd("inner", [struct("s", 1, inner)])
    state = device([struct("s", 1, inner)], b"\1")
    value: Any = state.fields
    for _ in range(DEPTH_MAX):
        value = value["s"]
    assert value == {"(rest)": Undecoded(b"\1", f"nested deeper than {DEPTH_MAX} levels")}


def test_depth_of_subsections_has_a_limit() -> None:
    inner = vmsd("s", [])
    for _ in range(DEPTH_MAX + 5):
        inner = vmsd("s", [], [inner])
    state = device([], b"\5\1s\0\0\0\1" * (DEPTH_MAX + 5), [inner])
    (rest,) = [leaf for _, leaf in state.leaves() if not leaf.framing]
    assert rest.length == 5 * 7
    assert isinstance(rest.value, Undecoded)
    assert rest.value.reason == f"nested deeper than {DEPTH_MAX} levels"


@pytest.mark.parametrize("text", [b"[" * 200_000, b'{"devices": ' + b'[{"a":' * 100_000])
def test_text_that_is_nested_too_deep_for_json(text: bytes) -> None:
    states = decode_text(text, b"\1")
    assert states.problem == "the JSON description cannot be used: not a JSON object"


def test_payload_longer_than_memory() -> None:
    """A sparse file can claim a terabyte for a device."""
    entries = [field("f", "uint8", 1, array_len=1 << 40)]
    pairs = Pairs([("name", "dev"), ("instance_id", 0), *vmsd("dev", entries)])
    length = BYTES_MAX + 1
    tracemalloc.start()
    with snapshot(dump({"devices": [pairs]}).encode(), b"", payload_length=length) as opened:
        state = vmstate.decode(opened)["dev"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
    assert state.fields == {"(rest)": Undecoded(b"", f"{length} bytes are too many to be read")}
    assert (state.offset, state.length) == (OFFSET, length)


def test_names_that_cannot_be_printed_or_are_too_long() -> None:
    entries = [field("\ud800", "uint8", 1), field("n" * 100_000, "uint8", 1)]
    state = device(entries, b"\1\2")
    assert state.fields == {"\\ud800": 1, "n" * 255 + "...": 2}


def test_tree_with_keys_of_no_length() -> None:
    empty = vmsd("elem", [])
    state = device([field("t", "gtree", 7, *empty, *empty)], b"\0\0\0\1\1\0\0")
    assert isinstance(state.find("t"), Array | vmstate.Leaf)
    assert to_json(state["t"])
    check_leaves(state)
