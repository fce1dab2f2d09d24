"""A file with edits reads like a file that was written with them."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mappedram.check.repairs.edits import Edit, EditedSource
from mappedram.io.opening import open_source
from tests.files import memory_file

SIZE = 3 * 4096 + 17

#: Offset, length, and whether the file ends behind the edit.
edits = st.lists(
    st.tuples(st.integers(0, SIZE + 5000), st.integers(0, 5000), st.booleans()), max_size=6
)


@given(edits=edits, start=st.integers(0, SIZE), length=st.integers(0, 2 * SIZE))
def test_reads_like_the_written_file(
    edits: list[tuple[int, int, bool]], start: int, length: int
) -> None:
    with memory_file(os.urandom(SIZE)) as fd, memory_file() as other:
        made = [Edit(offset, os.urandom(size), is_end) for offset, size, is_end in edits]
        source = EditedSource(open_source(fd), made)
        os.pwrite(other, os.pread(fd, SIZE, 0), 0)
        for edit in made:
            if edit.data:
                os.pwrite(other, edit.data, edit.offset)
            if edit.is_end:
                os.ftruncate(other, edit.end)
        size = os.fstat(other).st_size
        assert source.size == size
        assert source.read(start, length) == os.pread(other, length, start)
        assert source.peek(start, 40) == os.pread(other, 40, start)
        covered = [place for extent in source.extents(0, size) for place in range(*extent)]
        assert covered == sorted(set(covered))
        whole = os.pread(other, size, 0)
        assert all(whole[place] == 0 for place in set(range(size)) - set(covered))


def test_the_file_itself_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with open_source(path) as source:
        edited = EditedSource(source, [Edit(1, b"xyz")])
        assert edited.read(0, 9) == b"axyz"
        assert edited.trial([Edit(0, b"", is_end=True)]).size == 0
        assert edited.size == 4
    assert path.read_bytes() == b"abc"
