"""Differences of pages (XBZRLE): find those that cannot be decoded.

Source: QEMU migration/xbzrle.c, xbzrle_decode_buffer(); util/cutils.c, uleb128_decode_small().
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Bytes of the length before a difference.
_HEADER = 2
#: Number of differences from which an array pays off.
_MANY = 24
#: Bit of a ULEB128 byte that says that another byte follows.
_MORE = 0x80
#: The loader does not look for another run in fewer bytes.
_LEAST = 2


def undecodable(
    data: memoryview, starts: "NDArray[np.int64]", page_size: int
) -> "NDArray[np.bool_]":
    """Find the differences that the loader refuses; many are decoded at once, run by run.

    Args:
        data: the buffer that holds all of them.
        starts: offset in it of the length of each, a `be16`.
        page_size: bytes of a page.
    """
    import numpy as np

    octets = np.frombuffer(data, np.uint8)
    first = starts + _HEADER
    at = first.copy()
    end = first + (octets[starts].astype(np.int64) << 8 | octets[starts + 1])
    filled = np.zeros(len(starts), np.int64)
    refused = np.zeros(len(starts), np.bool_)
    left = (at < end).nonzero()[0]
    while len(left) >= _MANY:
        may_be_empty = at[left] == first[left]
        same, fine = _run(octets, at, end, left)
        fine &= (same > 0) | may_be_empty
        filled[left] += same
        fine &= filled[left] <= page_size
        refused[left[~fine]] = True
        left = left[fine]
        new, fine = _run(octets, at, end, left)
        fine &= new > 0
        filled[left] += new
        at[left] += new
        fine &= (filled[left] <= page_size) & (at[left] <= end[left])
        refused[left[~fine]] = True
        left = left[fine]
        left = left[at[left] < end[left]]
    for index in left.tolist():
        begun, read, stop = int(first[index]), int(at[index]), int(end[index])
        encoded = bytes(data[begun:stop])
        refused[index] = not _decodes(encoded, read - begun, int(filled[index]), page_size)
    return refused


def _decodes(encoded: bytes, read: int, filled: int, page_size: int) -> bool:
    """Whether the loader accepts a difference from `read` on, after `filled` bytes of the page."""
    while read < len(encoded):
        begun = read
        same, read = _length(encoded, read)
        if same < 0 or (begun and not same) or filled + same > page_size:
            return False
        new, read = _length(encoded, read)
        filled += same + new
        read += new
        if new <= 0 or filled > page_size or read > len(encoded):
            return False
    return True


def _length(encoded: bytes, read: int) -> tuple[int, int]:
    """Read a length at `read`, negative if invalid; also return where it ends."""
    low, high = (*encoded[read : read + _LEAST], -1, -1)[:_LEAST]
    if high < 0 or (low >= _MORE and high >= _MORE):
        return -1, read
    if low < _MORE:
        return low, read + 1
    return low & (_MORE - 1) | high << 7, read + _LEAST


def _run(
    octets: "NDArray[np.uint8]",
    at: "NDArray[np.int64]",
    end: "NDArray[np.int64]",
    left: "NDArray[np.int64]",
) -> "tuple[NDArray[np.int64], NDArray[np.bool_]]":
    """Read the length of a run at `at` and skip it; also return whether it is valid.

    At least two bytes must be left, even if the length takes one.
    """
    fine = end[left] - at[left] >= _LEAST
    places = at[left].clip(max=len(octets) - _LEAST)
    low, high = (octets[place].astype(end.dtype) for place in (places, places + 1))
    long = low >= _MORE
    fine &= ~long | (high < _MORE)
    at[left] += 1 + long
    return (low & (_MORE - 1)) | (high << 7) * long, fine
