"""Parsers in all verified languages read every vector as Construct does."""

import copy
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from mappedram.format.constants import CommandType
from tests.conformance import vectors
from tests.conformance.reading import Construct, Reading, expected, field_of
from tests.conformance.toolchains import TOOLCHAINS, Built
from tests.conftest import Fixtures
from tests.files import memory_file
from tools.oracle import OracleBlock, OracleFile

#: Most bytes that a driver may read, including its own program: less than 3 MiB is usual.
READ_MAX = 64 << 20


def _unknown_commands_lost(construct: Construct) -> Reading:
    """The reading with null for numbers that an enumeration does not have."""
    reading = copy.deepcopy(construct.reading)
    for section in reading.get("sections", ()):
        if section["header"].get("command", 0) > max(CommandType):
            section["header"]["command"] = None
    return reading


#: Reading of a language that cannot represent that of Construct.
LIMITS: dict[str, Callable[[Construct], Reading | None]] = {
    # Its numbers are doubles: it refuses those that it would have to round.
    "javascript": lambda construct: (
        None if construct.representable else {"verdict": "refused", "why": "unrepresentable"}
    ),
    "java": _unknown_commands_lost,
}


@pytest.fixture(scope="module")
def constructs(fixtures: Fixtures) -> dict[str, Construct]:
    """The reading of each vector by Construct."""
    found = {}
    for name in vectors.NAMES:
        with vectors.open_vector(fixtures, name) as (fd, offset):
            found[name] = expected(fd, offset)
    return found


def told(reading: Reading) -> Reading:
    """A reading that names the refused field, instead of its place in the `.ksy`."""
    if reading.get("why") != "value":
        return reading
    return reading | {"field": field_of(reading["field"])}


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_all_languages_read_as_construct_does(
    language: str,
    driver: Callable[[str], Built],
    fixtures: Fixtures,
    constructs: dict[str, Construct],
) -> None:
    built = driver(language)
    with ExitStack() as stack:
        files = [stack.enter_context(vectors.open_vector(fixtures, name)) for name in vectors.NAMES]
        readings = built.read(files)
    limit = LIMITS.get(language)
    different: dict[str, Any] = {}
    for (name, construct), reading in zip(constructs.items(), readings, strict=True):
        right = (limit and limit(construct)) or construct.reading
        if told(reading) != right:
            different[name] = (str(told(reading))[:500], str(right)[:500])
    assert not different


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_a_large_file_is_not_read_whole(language: str, driver: Callable[[str], Built]) -> None:
    """All 6 GiB are stored pages. A driver only reads its own program and the bitmaps."""
    pages = 3 << 30 >> 12
    blocks = [OracleBlock(name, 3 << 30, ((0, pages),)) for name in ("low", "high")]
    with memory_file() as fd:
        size = OracleFile(blocks).write(fd)
        readings, length = driver(language).read_and_measure([(fd, 0)])
        assert readings == [expected(fd, 0).reading]
    assert size > 6 << 30
    assert length < READ_MAX
