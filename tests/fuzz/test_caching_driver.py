"""The caching driver gives the same answers as its inner driver, whatever was asked before."""

from collections import Counter
from random import Random
from typing import Any

import pytest

import mappedram
from mappedram.format import ELEMENTS, drivers
from mappedram.format.drivers.base import RefusalError
from mappedram.format.structures import KINDS, RAMBLOCK_HEADER
from mappedram.fuzz.caching_driver import CachingDriver
from mappedram.fuzz.generate import snapshot

PLAIN = drivers.get("construct")


class Counting:
    """A driver that counts its calls."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(PLAIN, name)


@pytest.mark.parametrize("seed", range(10))
def test_answers_are_those_of_the_other_driver(seed: int) -> None:
    counting = Counting()
    driver = CachingDriver(counting)
    file = snapshot(Random(seed)).file()
    with file.opened() as fd, mappedram.open(fd, file.offset, driver=driver) as opened:
        with mappedram.open(fd, file.offset) as plain:
            assert opened.stream == plain.stream
        asked = counting.asked["parse"]
        assert asked < len(opened.stream.elements)  # footers and ends repeat
        for element in opened.stream.elements:
            data, params = opened.source.read(element.offset, 4096), element.params
            spans = PLAIN.spans(element.kind, data[: element.length], params)
            assert driver.parse(element.kind, data, params) == (element.values, element.length)
            assert [driver.spans(element.kind, data[: element.length], params)] * 2 == [
                spans,
                driver.spans(element.kind, data[: element.length], params),
            ]
            built = driver.build(element.kind, element.values, params)
            assert built == data[: element.length]
            assert driver.build(element.kind, element.values, params) == built
        assert counting.asked["parse"] == asked


@pytest.mark.parametrize("kind", ELEMENTS)
def test_what_is_cut_off_is_refused_behind_what_was_read(kind: str) -> None:
    """The beginning of a known structure is not that structure."""
    driver = CachingDriver(PLAIN)
    for data in (bytes(range(1, 200)), b"\1" * 200, bytes(200)):
        try:
            _, length = driver.parse(KINDS[kind], data, {})
        except RefusalError:
            continue
        with pytest.raises(RefusalError):
            driver.parse(KINDS[kind], data[: length - 1], {})


def test_params_tell_structures_apart() -> None:
    driver = CachingDriver(PLAIN)
    data = b"\1a" + bytes(40)
    lengths = {
        driver.parse(RAMBLOCK_HEADER, data, {"has_addr": has_addr})[1]
        for has_addr in (False, True, False)
    }
    assert len(lengths) == 2
