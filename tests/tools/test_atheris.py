"""The properties in `tools/atheris` hold for its own seeds, and violations are noticed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mappedram.format.constants import SectionType
from mappedram.format.drivers.kaitai_driver import KaitaiDriver
from mappedram.format.typed import Kind, Params
from tools.atheris import dictionary, seeds, targets
from tools.atheris.feed import Feed

SEEDS = dict(seeds.seeds())


@pytest.mark.parametrize("target", targets.TARGETS)
def test_seeds_pass(target: str) -> None:
    chosen = [data for name, data in SEEDS.items() if name.startswith(target)]
    assert len(chosen) >= 10
    for data in chosen:
        targets.run(data)


@given(st.binary(max_size=400))
@example(b"\x01\n" + bytes(8) + b"\x01")
def test_any_bytes_pass(data: bytes) -> None:
    targets.run(data)


#: A metadump: offset of its version, and the beginning of a directory.
METADUMP, VERSION_AT = SEEDS["images-oracle-mapped-metadump"], 17


@pytest.mark.parametrize("target", ["images", "reader"])
@given(data=st.data())
def test_metadumps_pass_whatever_stands_in_them(target: str, data: st.DataObject) -> None:
    """Damaged, truncated and other versions are refused, which is not a failure."""
    edits = st.tuples(st.integers(1, len(METADUMP) - 1), st.integers(0, 255))
    changed = bytearray(METADUMP)
    for place, value in data.draw(st.lists(edits, max_size=3)):
        changed[place] = value
    del changed[data.draw(st.integers(VERSION_AT, len(METADUMP))) :]
    rest = bytes(changed[1:])
    head = bytes([list(targets.TARGETS).index(target)]) + b"\0" * (target == "reader")
    targets.run(head + rest)


def test_a_metadump_of_another_version_passes() -> None:
    other = METADUMP[:VERSION_AT] + (2).to_bytes(4, "big") + METADUMP[VERSION_AT + 4 :]
    targets.run(other)


def lying(kind: str, field: str, value: Any) -> Any:
    """A driver that misreads one field of one structure."""
    parse = KaitaiDriver.parse

    def wrong(self: KaitaiDriver, asked: Kind[Any], data: bytes, params: Params) -> Any:
        values, length = parse(self, asked, data, params)
        return (values | {field: value} if asked == kind else values), length

    return wrong


@pytest.mark.parametrize(
    ("seed", "kind", "field"),
    [
        ("reader-none-mapped", "ramblock_header", "used_length"),
        ("reader-none-plain", "section_footer", "section_id"),
        ("images-none-mapped-raw", "libvirt_header", "was_running"),
        ("written-1", "stream_header", "version"),
        ("structures-none-mapped-command", "command", "command"),
    ],
)
def test_a_disagreement_is_noticed(
    seed: str, kind: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KaitaiDriver, "parse", lying(kind, field, 77))
    failed = [name for name in SEEDS if name.startswith(seed.split("-")[0]) and fails(name)]
    assert failed


def fails(name: str) -> bool:
    try:
        targets.run(SEEDS[name])
    except targets.DisagreementError:
        return True
    return False


def test_seeds_reach_all_kinds_of_streams() -> None:
    names = " ".join(SEEDS)
    for word in ("mapped", "plain", "gzip", "bzip2", "xz", "no-footers", "no-vmdesc", "shared"):
        assert word in names
    assert all(len(data) <= seeds.SIZE_MAX for name, data in SEEDS.items() if "devices" not in name)


def test_the_words_of_the_format_are_in_the_dictionary() -> None:
    words = dictionary.entries()
    for word in (
        b"QEVM",
        b"\x89MRMETADUMP\r\n\x1a\n\0",
        b"\x0amapped-ram",
        b"LibvirtQemudSave",
        b'"array_len"',
        b'"gtree"',
    ):
        assert word in words
    for kind in SectionType:
        assert bytes([kind]) in words
    lines = dictionary.text().splitlines()
    assert all(re.fullmatch(r'"(\\x[0-9a-f]{2})+"', line) for line in lines)
    assert [bytes.fromhex(line[1:-1].replace("\\x", "")) for line in lines] == words


@given(st.binary(max_size=20), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1 << 70))))
def test_decisions_are_within_their_bounds(data: bytes, ranges: list[tuple[int, int]]) -> None:
    def decide() -> Iterator[int]:
        feed = Feed(data)
        for low, span in ranges:
            number = feed.number(low, low + span)
            assert low <= number <= low + span
            yield number

    assert list(decide()) == list(decide())
    assert Feed(data).rest() == data
    assert Feed(b"").choice("abc") == "a"
