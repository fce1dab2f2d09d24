"""`vectors.jsonl` describes the vectors, and suffices to make them."""

import json
import os
from typing import Any

import pytest

from tests.conformance import shared, vectors
from tests.conformance.reading import expected
from tests.conftest import Fixtures
from tests.files import memory_file

LINES: list[dict[str, Any]] = [json.loads(line) for line in shared.PATH.read_text().splitlines()]


def test_all_vectors_are_there() -> None:
    assert [line["name"] for line in LINES] == vectors.NAMES


@pytest.mark.parametrize("line", LINES, ids=vectors.NAMES)
def test_a_line_is_fresh(line: dict[str, Any], fixtures: Fixtures) -> None:
    """`python -m tests.conformance.shared` makes the same line."""
    assert line == json.loads(json.dumps(shared.entry(fixtures, line["name"])))


@pytest.mark.parametrize("name", vectors.ALL)
def test_a_file_is_made_from_its_description(name: str) -> None:
    (line,) = (line for line in LINES if line["name"] == name)
    with memory_file() as made, vectors.ALL[name].file() as wanted:
        shared.make(made, line["file"])
        assert os.fstat(made).st_size == os.fstat(wanted).st_size
        assert shared.described(made) == shared.described(wanted)
        assert expected(made, line["offset"]).reading == line["expected"]
