"""Match the items of two files."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def paired(
    a: Iterable[T], b: Iterable[T], key: Callable[[T], Hashable]
) -> Iterator[tuple[T | None, T | None]]:
    """Match items with equal keys; of several with one key, the first with the first.

    The items of the first file come in their order, then those that only the second has.
    """
    others = list(b)
    waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index in reversed(range(len(others))):
        waiting[key(others[index])].append(index)
    left = dict.fromkeys(range(len(others)))
    for one in a:
        same_key = waiting[key(one)]
        if same_key:
            index = same_key.pop()
            del left[index]
            yield one, others[index]
        else:
            yield one, None
    for index in left:
        yield None, others[index]
