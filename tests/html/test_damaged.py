"""For any file, the page is well-formed and complete, or fails with the message of `layout`."""

from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappedram.cli.main import main
from tests.conftest import Fixtures
from tests.files import copy_sparse, patch
from tests.html.parsed import Page, entries

#: Places of the headers in the smallest real file: before the first bitmap, and at the end.
HEAD, TAIL = 256, 4096


@given(
    changes=st.lists(
        st.tuples(st.booleans(), st.integers(0, TAIL - 1), st.binary(min_size=1, max_size=8)),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files(
    changes: list[tuple[bool, int, bytes]], fixtures: Fixtures, tmp_path: Path
) -> None:
    source = fixtures["none"].path
    path, out = tmp_path / "damaged", tmp_path / "page.html"
    copy_sparse(source, path)
    size = source.stat().st_size
    for at_end, place, data in changes:
        offset = size - 1 - place if at_end else place % HEAD
        patch(path, offset, data[: size - offset])
    out.unlink(missing_ok=True)
    status = main(["layout", "--html", str(out), str(path)])
    assert status == main(["layout", "--output", "json", str(path)])
    if not out.exists():
        assert status in (1, 63)
        return
    shown = entries(Page.of(out).root)
    assert (shown[0]["data-o"], shown[-1]["data-e"]) == ("0", str(size))
    assert all(here["data-e"] == there["data-o"] for here, there in pairwise(shown))
