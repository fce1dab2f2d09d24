"""The expected readings of some vectors, written by hand to verify the code that derives them."""

import pytest

from mappedram import open as open_snapshot
from tests.conformance import vectors
from tests.conformance.reading import Construct, expected, field_of
from tests.files import field_place
from tools.generate import ksy
from tools.generate.validity import is_ruled

#: Vectors with numbers that JavaScript cannot represent.
UNREPRESENTABLE = {
    *("addr_rounded", "addr_top_bit", "ends_at_2_63", "ends_beyond_2_53", "ends_beyond_2_64"),
    *("bitmap_top_bit", "length_top_bit", "page_size_top_bit", "pages_at_2_63"),
    *("pages_beyond_2_53", "sum_beyond_2_63"),
}
#: Vectors whose pages do not lie between their header and the end of the file.
MISPLACED = {
    *("circle", "ends_beyond_2_64", "length_top_bit", "pages_at_2_63", "pages_behind_the_end"),
    "sum_beyond_2_63",
}
#: Vectors that are too short for their first field, or for a length that they declare.
LED_ASTRAY = {"empty", "last_footer", "packaged_too_much"}


def of(name: str) -> Construct:
    vector = vectors.ALL[name]
    with vector.file() as fd:
        return expected(fd, vector.offset)


@pytest.mark.parametrize("name", vectors.VECTORS)
def test_verdict(name: str) -> None:
    refused = name in MISPLACED | LED_ASTRAY or name.startswith("wrong/")
    assert of(name).reading["verdict"] == ("refused" if refused else "accepted")
    assert of(name).representable == (name not in UNREPRESENTABLE)


@pytest.mark.parametrize("name", sorted(MISPLACED))
def test_pages_in_no_place(name: str) -> None:
    assert of(name).reading["field"] == "mapped_ram_header/pages_offset"


@pytest.mark.parametrize("path", vectors.WRONG)
def test_refusing_field(path: str) -> None:
    field = of(f"wrong{path}").reading["field"]
    assert field.split("/")[-1] == path.split("/")[-1]


@pytest.mark.parametrize("name", [name for name in vectors.ALL if name.startswith("cut/")])
def test_place_of_a_cut(name: str) -> None:
    with vectors.VECTORS["small"].file() as fd, open_snapshot(fd) as snapshot:
        place, _ = field_place(snapshot, name.removeprefix("cut"))
    if name.endswith("/section_type") and name != "cut/configuration/header/section_type":
        assert of(name).reading["rest"] == place  # between two sections, up to the end of the file
    else:
        if name.endswith(("/total_and_flags", "/flags")):
            place += 7  # the flags begin in the byte before, which is present
        assert of(name).reading == {"verdict": "refused", "why": "short", "offset": place}


def test_fields_are_told_by_their_place_in_one_way() -> None:
    """A parser names `/seq/0` without naming its `.ksy`; only one of them can refuse there."""
    names = [entry.name for entry in ksy.types()]
    assert len(names) == len(set(names))
    nodes = dict(ksy.nodes())
    roots = {
        entry.module
        for entry in ksy.types()
        if len(entry.path) == 1
        and any(is_ruled(nodes[entry.name], field.ksy_id) for field in entry.fields)
    }
    assert roots == {"stream_header"}
    assert field_of("/seq/1") == "stream_header/version"
    assert field_of("/types/mapped_ram_header/seq/0") == "mapped_ram_header/version"
