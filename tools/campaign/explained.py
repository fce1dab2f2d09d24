"""Differences that campaigns have found between the model and QEMU, and what was done."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.campaign.results import Row


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the model and QEMU differed.

    Attributes:
        name: name in the counts.
        releases: affected releases.
        what: the difference.
        became: the change made for it, or why none was made.
        matches: whether this explains a differing result; None if no such results are left.
    """

    name: str
    releases: str
    what: str
    became: str
    matches: Callable[[Row], bool] | None = None


EXPLAINED: tuple[Explanation, ...] = (
    Explanation(
        "signed-lengths",
        "11.1",
        "The outcome: a `len_name` of 2 GiB or more is refused by 11.1.3, where 10.0 dies. Lengths"
        " in the configuration section are unsigned there; in 11.1.0 they are not yet, and it dies"
        " like 10.0.",
        "`SIGNED_LENGTHS` of `releases.py`",
    ),
    Explanation(
        "beyond-the-last-page",
        "10.0, 11.1",
        "An exception in the model: a bitmap whose only bits are beyond the last page.",
        "`pages.py` passes parts without a run",
    ),
    Explanation(
        "machine-with-nul",
        "10.0",
        "The words: a machine type with a NUL is not taken for the beginning of the local one.",
        "`configuration.py` compares as `strncmp` does",
    ),
    Explanation(
        "negative-area",
        "10.0",
        "The words: an area that begins at 2^63 or later begins before the file, and the pages of"
        " it that fall into the file are read.",
        "`pages_offset` is signed in `ram.py`",
    ),
    Explanation(
        "unreachable-empty-bitmap",
        "10.0",
        "The words: an empty bitmap that cannot be reached is no error at once, but the next read"
        " fails.",
        "`ram.py` keeps the mark",
    ),
    Explanation(
        "other-words",
        "11.1",
        "The words: 11.1 says many refusals differently.",
        "the last column of `endings.py`",
    ),
    Explanation(
        "legacy-page-bits",
        "10.0, 11.1",
        "The outcome: an ARM that finds no `target_page_bits` takes 10 for them, and refuses that"
        " before it looks at capabilities. Without mapped-ram, the model went on to the end.",
        "`legacy_page_bits` of `Destination`",
    ),
    Explanation(
        "signed-page-bits",
        "10.0, 11.1",
        "The words: `target_page_bits` is shown as a signed number.",
        "`configuration.py` shows it so",
    ),
    Explanation(
        "length-rounded-to-none",
        "10.0, 11.1",
        "The outcome: without mapped-ram, a length within the last page of 2^64 is rounded up to 0,"
        " which a block that firmware reads can have; QEMU dies of telling it to firmware. Of other"
        " blocks, the words.",
        "`plain.py` rounds in 64 bits; `length-rounded-to-none` of `endings.py`",
    ),
    Explanation(
        "cut-behind-a-structure",
        "10.0, 11.1",
        "The words: of a file that ends right behind a device whose last field is a structure, QEMU"
        " misses what may follow that, and not the footer.",
        "`ends_nested` of `devices.py`",
    ),
    Explanation(
        "equal-fields",
        "10.0, 11.1",
        "The words: a device that is read from a wrong place can refuse a field that has to be"
        " equal to its own, before its footer is looked for.",
        "nothing: the model knows how long fields are, not which values they take",
    ),
    Explanation(
        "state-of-the-guest",
        "10.0, 11.1",
        "The words: `globalstate` refuses a state that it does not know, before its footer is"
        " looked for.",
        "`hooks.py` compares it with those that there are",
    ),
    Explanation(
        "other-numbers",
        "10.0, 11.1",
        "The outcome, or the words: devices with a port for their other number are not found by"
        " 0xffffffff; the clock of a PC is one of them up to 10.0.",
        "`_LEGACY_ALIASES` of `destination.py`, `RTC_HAS_PORT` of `releases.py`",
    ),
    Explanation(
        "moved-name",
        "10.0, 11.1",
        "The words: where the file ends within the name of a block, QEMU can show other bytes than"
        " those that are there. It has moved them in its buffer, and reads where they were.",
        "nothing: it depends on what is in the buffer. Source: QEMU migration/qemu-file.c,"
        " qemu_peek_buffer()",
    ),
)


def explanation_of(row: Row) -> str | None:
    """The name of the explanation of a differing result; None if there is none."""
    return next((one.name for one in EXPLAINED if one.matches and one.matches(row)), None)
