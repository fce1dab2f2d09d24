"""A `Random` that often answers with the least or the greatest value, as Hypothesis does."""

from random import Random

#: One answer in this many is the least, and one the greatest.
_SHARE = 8
_GREATEST = 1 - 2**-53


class EdgedRandom(Random):
    """A `Random` with more extreme values."""

    def random(self) -> float:
        """See `Random.random`."""
        return {0: 0.0, 1: _GREATEST}.get(super().getrandbits(3), super().random())

    def getrandbits(self, k: int, /) -> int:
        """See `Random.getrandbits`. All choices among several values come from here."""
        which = super().getrandbits(3)
        if which == 0:
            return 0
        return (1 << k) - 1 if which == 1 else super().getrandbits(k)
