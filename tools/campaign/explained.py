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


#: Bytes of the largest allocation that the model allows, and of the address space of a trial.
_ALLOWED, _LIMIT = 5 << 30, 7 << 30
#: Bytes that QEMU allocates for each announced capability.
_CAPABILITY = 4


def _allocates_near_the_limit(row: Row) -> bool:
    return row.model == "crashes" and any(
        one.path.endswith("/caps_count")
        and _ALLOWED < int.from_bytes(one.after, "big") * _CAPABILITY < _LIMIT
        for one in row.mutations
    )


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
        "allocation-near-the-limit",
        "10.0, 11.1",
        "The outcome: QEMU dies if it cannot allocate memory for the capabilities that a file"
        " announces. A trial gives it 7 GiB of address space; the model expects 5 GiB to be free."
        " Of 5.5 GiB, QEMU found enough.",
        "none: the free memory of a host is not in the file",
        _allocates_near_the_limit,
    ),
    Explanation(
        "subsection-of-another-instance",
        "10.0, 11.1",
        "The outcome: the state of one `apic` under the number of another, with a subsection"
        " (`apic_sipi`) that only the first one has in the JSON description. The model did not"
        " know it for the other, and refused, not certain; QEMU knows it for both.",
        "`devices.py` takes the subsections of all devices of a description together",
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
        "The message: a machine type with a NUL does not match as a prefix of the local one.",
        "`configuration.py` compares as `strncmp` does",
    ),
    Explanation(
        "negative-area",
        "10.0",
        "The message: an area that begins at 2^63 or later begins before the file, and QEMU reads"
        " its pages that are inside the file.",
        "`pages_offset` is signed in `ram.py`",
    ),
    Explanation(
        "unreachable-empty-bitmap",
        "10.0",
        "The message: an empty bitmap outside of the file is no error at first, but the next read"
        " fails.",
        "`ram.py` keeps the mark",
    ),
    Explanation(
        "other-words",
        "11.1",
        "The message: 11.1 changed many messages.",
        "the last column of `endings.py`",
    ),
    Explanation(
        "legacy-page-bits",
        "10.0, 11.1",
        "The outcome: an ARM destination without `target_page_bits` in the file assumes 10, and"
        " refuses that before it compares capabilities. Without mapped-ram, the model continued to"
        " the end.",
        "`legacy_page_bits` of `Destination`",
    ),
    Explanation(
        "signed-page-bits",
        "10.0, 11.1",
        "The message: QEMU prints `target_page_bits` as a signed number.",
        "`configuration.py` prints it as signed",
    ),
    Explanation(
        "length-rounded-to-none",
        "10.0, 11.1",
        "The outcome: without mapped-ram, QEMU rounds a length in the last page of 2^64 up to 0. It"
        " accepts this for a block that firmware reads, and crashes when it passes the length to"
        " the firmware. For other blocks, only the message differs.",
        "`plain.py` rounds in 64 bits; `length-rounded-to-none` of `endings.py`",
    ),
    Explanation(
        "cut-behind-a-structure",
        "10.0, 11.1",
        "The message: if a file ends directly after a device whose last field is a structure, QEMU"
        " reports missing subsections, not a missing footer.",
        "`ends_nested` of `devices.py`",
    ),
    Explanation(
        "equal-fields",
        "10.0, 11.1",
        "The message: a device that is read from a wrong offset can refuse a field that must equal"
        " its own value, before QEMU reads the footer.",
        "none: the model knows the lengths of fields, not their valid values",
    ),
    Explanation(
        "state-of-the-guest",
        "10.0, 11.1",
        "The message: `globalstate` refuses an unknown run state, before QEMU reads the footer.",
        "`hooks.py` compares it with the known states",
    ),
    Explanation(
        "other-numbers",
        "10.0, 11.1",
        "The outcome, or the message: devices with an I/O port as their alias id are not found by"
        " 0xffffffff; the clock of a PC is one of them up to 10.0.",
        "`_LEGACY_ALIASES` of `destination.py`, `RTC_HAS_PORT` of `releases.py`",
    ),
    Explanation(
        "moved-name",
        "10.0, 11.1",
        "The message: if the file ends in the name of a block, QEMU can print other bytes than"
        " those in the file. It has moved them in its buffer, and reads their old place.",
        "none: the result depends on the contents of the buffer. Source: QEMU"
        " migration/qemu-file.c, qemu_peek_buffer()",
    ),
)


def explanation_of(row: Row) -> str | None:
    """The name of the explanation of a differing result; None if there is none."""
    return next((one.name for one in EXPLAINED if one.matches and one.matches(row)), None)
