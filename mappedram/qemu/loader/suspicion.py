"""Reasons to doubt the memory after a load."""

from typing import NamedTuple


class Suspicion(NamedTuple):
    """Reasons to doubt the memory.

    Attributes:
        codes: the rules that say why it is wrong.
        certain: whether it cannot be right.
        is_wrong: False if it may be right as well.
    """

    codes: tuple[str, ...]
    certain: bool
    is_wrong: bool = True
