"""What there may be to say against the memory that a load has brought."""

from typing import NamedTuple


class Suspicion(NamedTuple):
    """What there is to say against memory.

    Attributes:
        codes: the rules that say why it is wrong.
        certain: whether it cannot be right.
        is_wrong: False where it may as well be right.
    """

    codes: tuple[str, ...]
    certain: bool
    is_wrong: bool = True
