"""Rows of page records end where a reader of single records finds a different one."""

import re
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mappedram import MappedRamError
from mappedram.stream.reader import rows
from mappedram.stream.reader.rows import ROW_MAX, row_end, row_pattern

PAGE, ZERO, CONTINUE, EOS = 0x08, 0x02, 0x20, 0x10
#: Flags, and bytes of the body after the word; the last three are not records of a row.
KINDS = {
    "page": (PAGE | CONTINUE, None),
    "zero": (ZERO | CONTINUE, b"\0"),
    "fill": (ZERO | CONTINUE, b"\1"),
    "named": (ZERO, b"\0"),
    "eos": (EOS, b""),
}


def rows_of(parts: list[tuple[str, int]], page_size: int) -> bytes:
    """Bytes of records, made with `struct`: the bytes of pages look like words of records."""
    out, number = b"", 0
    for kind, count in parts:
        flags, body = KINDS[kind]
        for _ in range(count):
            word = struct.pack(">Q", number * page_size | flags)
            out += word + (word * (page_size // 8) if body is None else body)
            number += 0x10001
    return out


def naive(data: bytes, at: int, page_size: int) -> tuple[int, int] | None:
    """Flags of a row's records without CONTINUE, and its end, found record by record."""
    row = 0
    while at + 8 < len(data):
        flags = int.from_bytes(data[at : at + 8], "big") % page_size
        step = {PAGE | CONTINUE: 8 + page_size, ZERO | CONTINUE: 9}.get(flags)
        if step is None or row not in (0, flags) or at + step > len(data):
            break
        if step == 9 and data[at + 8]:
            break
        row, at = flags, at + step
    return (row & ~CONTINUE, at) if row else None


def found(data: bytes, at: int, page_size: int) -> tuple[int, int] | None:
    """The same with the method of `PageIndex`."""
    match = row_pattern(page_size).match(data, at)
    if match is None:
        return None
    kind, step = (PAGE, 8 + page_size) if match.lastindex == 1 else (ZERO, 9)
    end = match.end()
    if end - at == ROW_MAX * step:
        end = row_end(memoryview(data), end, kind, step, page_size)
    return kind, end


counts = st.one_of(st.integers(1, 4), st.integers(ROW_MAX - 1, ROW_MAX + 1), st.just(9 * ROW_MAX))


@given(
    st.lists(st.tuples(st.sampled_from(sorted(KINDS)), counts), max_size=4),
    st.sampled_from([256, 512]),
    st.integers(0, 600),
)
@example([("zero", 1), ("fill", 1)], 512, 0)
@example([("zero", 100_000), ("fill", 1)], 256, 0)
@example([("page", ROW_MAX), ("zero", 1)], 256, 0)
@example([("page", ROW_MAX + 1)], 256, 1)
def test_ends_as_single_records_do(parts: list[tuple[str, int]], page_size: int, cut: int) -> None:
    data = rows_of(parts, page_size)
    data = data[: max(0, len(data) - cut)]
    at = 0
    while at < len(data):
        assert found(data, at, page_size) == naive(data, at, page_size)
        row = naive(data, at, page_size)
        at = row[1] if row else len(data)


@pytest.mark.parametrize("page_size", [256, 1024, 4096, 65536])
def test_the_pattern_is_proven(page_size: int) -> None:
    rows.prove(row_pattern(page_size), page_size)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(rb"(?:(.{4104})|(.{9}))+", id="takes what is no record"),
        pytest.param(rb"(.{6}.\x28.{4096})|(.{6}.\x22\0)", id="ends after one record"),
        pytest.param(rb"(.{6}.\x22\0)+|(.{6}.\x28.{4096})+", id="groups the other way round"),
        # CPython 3.11.2 with a possessive group, which includes the failed attempt.
        pytest.param(
            rb"((?:.{6}.\x28.{4096})+.?)|((?:.{6}.\x22\0)+.{0,8})", id="goes on behind the row"
        ),
        pytest.param(rb"nothing", id="finds nothing"),
    ],
)
def test_a_wrong_library_is_refused(wrong: bytes) -> None:
    with pytest.raises(MappedRamError, match="re of Python"):
        rows.prove(re.compile(wrong, re.DOTALL), 4096)
