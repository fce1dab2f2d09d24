"""Subsections, paths, and devices by name."""

import pytest

from mappedram import BuildError
from mappedram.stream.vmstate import Struct, Undecoded
from tests.stream.vmstate.synthetic import (
    OFFSET,
    Pairs,
    check_leaves,
    decode_text,
    device,
    dump,
    field,
    struct,
    vmsd,
)

BYTE = field("x", "uint8", 1)


def header(name: str, version: int = 1) -> bytes:
    return bytes([5, len(name)]) + name.encode() + version.to_bytes(4, "big")


def test_subsections() -> None:
    """They follow the fields, in order, and can be nested."""
    inner = vmsd("dev/b/c", [BYTE])
    state = device(
        [BYTE],
        b"\1" + header("dev/a") + b"\2" + header("dev/b", 9) + b"\3" + header("dev/b/c") + b"\4",
        [vmsd("dev/a", [BYTE]), vmsd("dev/b", [BYTE], [inner])],
    )
    assert state.fields == {"x": 1}
    assert state.subsections == {"dev/a": {"x": 2}, "dev/b": {"x": 3, "dev/b/c": {"x": 4}}}
    assert state["dev/b.dev/b/c.x"] == 4
    node = state.find("dev/b")
    assert isinstance(node, Struct)
    assert node.offset == OFFSET + 1 + 11 + 1
    (framing,) = node.framing
    assert (framing.type, framing.length, framing.value) == ("subsection header", 11, 9)


@pytest.mark.parametrize("payload", [b"\1", header("dev/other"), header("dev/a")[:-1], b"\5\5dev/"])
def test_subsection_that_is_not_there(payload: bytes) -> None:
    state = device([], payload, [vmsd("dev/a", [BYTE])])
    assert state.subsections == {}
    assert state.fields == {"(rest)": Undecoded(payload, "expected the subsection 'dev/a'")}


def test_subsection_that_is_there_twice() -> None:
    twice = vmsd("dev/a", [BYTE])
    payload = header("dev/a") + b"\1"
    state = device([], 2 * payload, [twice, twice])
    assert state.subsections == {"dev/a": {"x": 1}}
    assert state.fields == {"(rest)": Undecoded(payload, "expected the subsection 'dev/a'")}


def test_names_with_dots_and_brackets() -> None:
    """i8254 has an array `channels`, and fields with names like paths into it."""
    inner = vmsd("channel", [field("count", "uint8", 1), field("time", "uint8", 1)])
    state = device(
        [
            field("channels[0].irq", "uint8", 1),
            struct("channels", 2, inner, array_len=2),
            field("channels[0].time", "uint8", 1),
            field("env.eip", "uint8", 1),
        ],
        bytes([1, 2, 3, 4, 5, 6, 7]),
    )
    assert [path for path, _ in state.leaves()] == [
        "'channels[0].irq'",
        "channels[0].count",
        "channels[0].time",
        "channels[1].count",
        "channels[1].time",
        "'channels[0].time'",
        "env.eip",
    ]
    assert state["channels[0].irq"] == 1
    assert state["channels[0].time"] == 3
    assert state["'channels[0].time'"] == 6
    assert state["env.eip"] == 7


@pytest.mark.parametrize(
    "path",
    ["", "y", "x.", "x.y", "x[0]", "a[2]", "a[-1]", "a[0]b", "a.0", "a[0", ".x", "'x", "a[\u0660]"],
)
def test_paths_that_lead_nowhere(path: str) -> None:
    state = device([BYTE, field("a", "uint8", 1, array_len=2)], b"\1\2\3")
    if path:
        assert path not in state
        with pytest.raises(KeyError):
            state[path]
    with pytest.raises(KeyError if path else BuildError):
        state.encode(path, 1)


def test_only_single_values_can_be_encoded() -> None:
    state = device([field("a", "uint8", 1, array_len=2)], b"\2\3")
    with pytest.raises(BuildError, match="dev: a: holds many values; name one of them"):
        state.encode("a", [1, 2])


def test_devices_by_name() -> None:
    states = decode_text(b'{"devices": []}', b"\1\2")
    assert len(states) == 1
    assert [one.idstr for one in states] == ["dev"]
    assert states["dev"] is states["dev", 0]
    assert "dev" in states
    assert ("dev", 1) not in states
    with pytest.raises(KeyError):
        states["dev", 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"devices": []}', "the JSON description does not list the device"),
        (b'{"devices": {}}', "the JSON description does not list the device"),
        (b"{}", "the JSON description does not list the device"),
        (b'{"devices": [{"name": "dev", "instance_id": "0"}]}', "the JSON description does not"),
        (b"[]", "the JSON description cannot be used: not a JSON object"),
        (b"{", "the JSON description cannot be used: not a JSON object"),
    ],
)
def test_device_without_a_description(text: bytes, reason: str) -> None:
    states = decode_text(text, b"\1\2")
    (rest,) = states["dev"].fields.values()
    assert isinstance(rest, Undecoded)
    assert rest.data == b"\1\2"
    assert rest.reason.startswith(reason)


def test_descriptions_of_one_name_are_used_in_order() -> None:
    first = Pairs([("name", "dev"), ("instance_id", 0), *vmsd("dev", [BYTE])])
    second = Pairs([("name", "dev"), ("instance_id", 0), *vmsd("dev", [])])
    states = decode_text(dump({"devices": [first, second]}).encode(), b"\1")
    assert states["dev"].fields == {"x": 1}
    check_leaves(states["dev"])
