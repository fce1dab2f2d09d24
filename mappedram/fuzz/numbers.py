"""New values for numbers in headers: ways to change one, and what each needs of the file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple


class Places(NamedTuple):
    """Places in a good file.

    Attributes:
        everything: beginnings, ends and lengths of parts: values that may be taken for an offset.
        starts: beginnings of structures before the first page.
        lengths: of the blocks.
    """

    everything: Sequence[int]
    starts: Sequence[int]
    lengths: Sequence[int]


def _nothing(places: Places) -> bool:  # noqa: ARG001
    return True


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A way to change a number.

    Attributes:
        what: the new value in words.
        become: computes the new value from the old one and its width in bits; truncated to that
            width later.
        applies: whether a file with these places has what `become` chooses from.
    """

    what: str
    become: Callable[[Random, int, int, Places], int]
    applies: Callable[[Places], bool] = _nothing


def _neighbour(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return value + rng.choice((-1, 1))


def _shifted(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return value + rng.choice((-1, 1)) * (1 << rng.randrange(bits))


def _scaled(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    by = 1 << rng.randrange(1, 4)
    return rng.choice((value * by, value // by))


def _extreme(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return rng.choice((0, 1, (1 << bits) - 1, (1 << bits - 1) - 1, 1 << bits - 1))


def _power(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return (1 << rng.randrange(bits)) + rng.choice((-1, 0, 0, 0, 1))


def _place(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return rng.choice(places.everything) + rng.choice((-1, 0, 0, 0, 1))


def _difference(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    """Distance from one place to another, modulo the width."""
    return rng.choice(places.everything) - rng.choice(places.everything)


def _leads_back(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    """Beginning of an area that ends at an earlier place of the stream."""
    return rng.choice(places.starts) - rng.choice(places.lengths)


def _flipped(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return value ^ 1 << rng.randrange(bits)


def _random(rng: Random, value: int, bits: int, places: Places) -> int:  # noqa: ARG001
    return rng.getrandbits(rng.randrange(1, bits + 1))


def _has_places(places: Places) -> bool:
    return bool(places.everything)


def _can_lead_back(places: Places) -> bool:
    return bool(places.starts and places.lengths)


#: Changes for any number.
NUMBER_CHANGES = (
    NumberChange("one more or less", _neighbour),
    NumberChange("a power of two more or less", _shifted),
    NumberChange("a multiple or a fraction", _scaled),
    NumberChange("an extreme", _extreme),
    NumberChange("a power of two", _power),
    NumberChange("another place of the file", _place, _has_places),
    NumberChange("the way between two places", _difference, _has_places),
    NumberChange("one bit flipped", _flipped),
    NumberChange("random", _random),
)

#: Changes for fields of that name, used one time in three.
SPECIAL_CHANGES: Mapping[str, NumberChange] = {
    "pages_offset": NumberChange("an area that leads back", _leads_back, _can_lead_back),
}
