"""Headers of short blocks are announced to a remote file before the walk arrives at them."""

from collections.abc import Iterable
from pathlib import Path

import pytest

import mappedram
from mappedram.format.structures import MEM_SIZE, RAMBLOCK_HEADER
from mappedram.io.file_source import FileSource
from mappedram.stream.model import Stream, is_kind
from mappedram.stream.reader.ahead import HeadersAhead
from tools.oracle import OracleBlock, OracleFile

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
#: Lengths of ten blocks, as those of a q35 machine.
TEN = (4 * GIB, 16 * MIB, 2 * MIB, *[256 * KIB] * 3, 128 * KIB, 64 * KIB, 4 * KIB, 4 * KIB)


class Announced:
    """A source that only takes down what is announced."""

    size = 1 << 63

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int]] = []

    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        self.ranges += ranges


def stream_of(path: Path, lengths: Iterable[int]) -> Stream:
    """A file with blocks of these lengths."""
    blocks = [OracleBlock(f"block{number}", length) for number, length in enumerate(lengths)]
    with path.open("w+b") as file:
        OracleFile(blocks).write(file.fileno())
    with mappedram.open(path) as snapshot:
        return snapshot.stream


def rounds(stream: Stream) -> tuple[list[int], int]:
    """How many requests follow one another up to each header; and how many ranges have none."""
    source = Announced()
    ahead = HeadersAhead(source)  # type: ignore[arg-type]
    known: list[tuple[tuple[int, int], int]] = []
    found: list[int] = []
    used: set[tuple[int, int]] = set()
    for element in stream.elements:
        if is_kind(element, RAMBLOCK_HEADER):
            covering = [one for one in known if one[0][0] <= element.offset < one[0][1]]
            used |= {one[0] for one in covering}
            earlier = [number + 1 for _, number in covering]
            found.append(min([*earlier, found[-1] + 1 if found else 0]))
        if is_kind(element, RAMBLOCK_HEADER) or is_kind(element, MEM_SIZE):
            ahead.passed(element)
            known += [(one, found[-1]) for one in source.ranges]
            source.ranges.clear()
    return found, len({one for one, _ in known} - used)


def test_short_blocks(tmp_path: Path) -> None:
    stream = stream_of(tmp_path / "ten", TEN)
    found, in_vain = rounds(stream)
    assert found == [0, 1, 2, 3, 3, 3, 4, 4, 4, 5]
    assert in_vain == 0


@pytest.mark.parametrize("lengths", [[GIB] * 3, [2 * MIB] * 4, [4 * KIB], [GIB, 4 * KIB]])
def test_nothing_to_guess(lengths: list[int], tmp_path: Path) -> None:
    """Long blocks follow one another; only the place of the next header is known."""
    found, in_vain = rounds(stream_of(tmp_path / "file", lengths))
    assert found == list(range(len(lengths)))
    assert in_vain == 0


def test_a_wrong_guess_costs_nothing_but_bytes(tmp_path: Path) -> None:
    """Blocks in another order are found where they are."""
    lengths = [64 * KIB, 900 * KIB, 4 * KIB, 4 * KIB, 700 * KIB]
    found, _ = rounds(stream_of(tmp_path / "file", lengths))
    assert max(found) < len(lengths)


def test_hostile_headers(tmp_path: Path) -> None:
    """Whatever the numbers are, ranges are short, and ascend."""
    stream = stream_of(tmp_path / "file", [64 * KIB, 4 * KIB, 4 * KIB])
    for value in (0, 1, 4096, 1 << 63, (1 << 64) - 1):
        for name in ("page_size", "pages_offset"):
            source = Announced()
            ahead = HeadersAhead(source)  # type: ignore[arg-type]
            for element in stream.elements:
                if is_kind(element, RAMBLOCK_HEADER):
                    assert element.values["mapped_ram"]
                    changed = {**element.values["mapped_ram"], name: value}
                    element.values["mapped_ram"].update(changed)  # type: ignore[typeddict-item]
                if is_kind(element, RAMBLOCK_HEADER) or is_kind(element, MEM_SIZE):
                    ahead.passed(element)
            assert all(0 < end - start <= MIB for start, end in source.ranges)


def test_not_for_local_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a local file, only its end is announced; of a remote one, headers as well."""
    stream_of(tmp_path / "file", TEN)
    announced: list[tuple[int, int]] = []
    monkeypatch.setattr(FileSource, "prefetch", lambda _, ranges: announced.extend(ranges))
    with mappedram.open(tmp_path / "file") as snapshot:
        size = snapshot.source.size
    assert [end for _, end in announced] == [size]
    monkeypatch.setattr(FileSource, "is_remote", True)
    with mappedram.open(tmp_path / "file") as snapshot:
        headers = [block.model.offset for block in snapshot.blocks[1:]]
    assert all(any(start <= at < end for start, end in announced) for at in headers)
