"""From QEMU's words back to the ways in which a load ends with them.

Source: the table in `mappedram.qemu.loader.failures`, and QEMU migration/savevm.c,
qemu_loadvm_section_start_full(), and migration/migration.c, process_incoming_migration_co().
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mappedram.format.constants import RAM_SECTION_IDSTR
from mappedram.qemu.loader.failures import ENDINGS, Ending
from mappedram.qemu.loader.releases import RELEASES


@dataclass(frozen=True, slots=True)
class Cause:
    """One way in which a load can have ended.

    Attributes:
        way: its name in `ENDINGS`.
        ending: what it is.
        words: QEMU's, with the names of values in braces; None where they are not known.
        releases: those that say them; all that are known where the words are not.
    """

    way: str
    ending: Ending
    words: str | None
    releases: tuple[str, ...]


#: What stands before the words: what a log adds, the name of the program, and of newer releases
#: what they put before all of them.
_BEFORE = re.compile(
    r"^(?:.*?\bqemu-[\w.-]+: )?(?:-incoming \S+: )?(?:load of migration failed(?:: [^:]+)?: )?",
    re.IGNORECASE,
)
#: What QEMU says of a section that could not be loaded: behind the words, or before them.
_SECTION = re.compile(
    r"error while loading state (?:for instance 0x[0-9a-f]+ of device '(?P<device>.*?)'"
    r"|section id \d+\((?P<live>.*?)\))(?:: (?P<inner>.*))?",
    re.IGNORECASE,
)
#: The ways in which a section of RAM ends, and of a device. Source: `mappedram.qemu.loader`, its
#: modules `ram`, `plain` and `records`; `devices` and `hooks`.
IN_RAM = (
    "ram-version",
    "start-cut",
    "part-cut",
    "ram-word-cut",
    "ram-flags-unexpected",
    "ram-flags",
    "block",
    "address",
    "header-cut",
    "header-version",
    "page-size-invalid",
    "page-size-differs",
    "alignment",
    "bitmap",
    "page-outside",
    "page-cut",
    "page-place",
    "page-not-mapped",
    "seek",
    "too-many-bits",
    "block-length",
    "block-too-long",
    "record-before-block",
    "record-block",
    "record-ignored",
    "record-outside",
    "record-fill",
    "xbzrle-encoding",
    "xbzrle-length",
    "xbzrle-decode",
    "xbzrle-cut",
    "compressed-length",
    "compressed-decode",
)
IN_DEVICE = ("device", "device-too-new", "hook", "device-cut")
#: Ways that are about RAM alone, though QEMU says the same of any section.
_OF_RAM = ("ram-instance", "section-version")
_VALUE = re.compile(r"\{(\w+)[^}]*\}")
#: Values that are numbers; the others can be any text.
_NUMBERS = frozenset(
    (
        *("data", "flags", "got", "instance_id", "length", "number", "offset", "page_size"),
        *("place", "section_id", "value", "version", "wanted"),
    )
)
#: Letters of QEMU's own that a text has if it is only the beginning of what QEMU says.
_SHORTEST = 12


def causes(text: str) -> list[Cause]:
    """The ways in which QEMU can have come to say that, in the order of a load.

    Args:
        text: one line of what QEMU wrote, or the beginning of one. Values may be any, and so may be
            upper and lower case.
    """
    said = _BEFORE.sub("", " ".join(text.split()))
    section = _SECTION.fullmatch(said)
    if section and not section["inner"]:
        idstr = section["device"] or section["live"]
        ways = IN_RAM if idstr.lower() == RAM_SECTION_IDSTR else IN_DEVICE
        return [cause for way in ways if way in ENDINGS for cause in _known(way)]
    texts = (section["inner"], said) if section else (said,)
    for beginning in (False, True):
        found = [
            cause
            for cause in _spoken()
            if any(_is_said(cause, text, beginning=beginning) for text in texts)
        ]
        if found:
            return found
    return []


def _known(way: str) -> list[Cause]:
    """The words of one way, or that they are not known."""
    spoken = [cause for cause in _spoken() if cause.way == way]
    return spoken or [Cause(way, ENDINGS[way], None, tuple(RELEASES))]


def _spoken() -> Iterator[Cause]:
    """All words in the table, each with the releases that say them."""
    for way, ending in ENDINGS.items():
        by_words: dict[str, list[str]] = {}
        for release in RELEASES:
            words = ending.said_by(release)
            if words is not None:
                by_words.setdefault(words, []).append(release)
        for words, releases in by_words.items():
            yield Cause(way, ending, words, tuple(releases))


def _is_said(cause: Cause, said: str, *, beginning: bool) -> bool:
    assert cause.words is not None
    found = _match(" ".join(cause.words.split()), said, beginning=beginning)
    if found is None:
        return False
    idstr = found.groupdict().get("idstr")
    return cause.way not in _OF_RAM or idstr is None or idstr.lower() == RAM_SECTION_IDSTR


def _match(words: str, said: str, *, beginning: bool) -> "re.Match[str] | None":
    """How a text matches words; as a `beginning`, if it stops within them."""
    literals, names = _VALUE.split(words)[::2], [*_VALUE.findall(words), None]
    pattern, consumed, seen = "", 0, set()
    found = None
    for literal, name in zip(literals, names, strict=True):
        ends = range(max(0, _SHORTEST - consumed), len(literal) + 1)
        if beginning and ends:  # the more of the words, the less is left to a value
            cut = "|".join(re.escape(literal[:end]) for end in ends)
            found = re.fullmatch(f"{pattern}(?:{cut})", said, re.IGNORECASE) or found
        consumed += len(literal)
        pattern += re.escape(literal)
        if name is not None:
            value = "[-0-9a-fx]+?" if name in _NUMBERS else ".*?"
            pattern += f"(?:{value})" if name in seen else f"(?P<{name}>{value})"
            seen.add(name)
    return found if beginning else re.fullmatch(pattern, said, re.IGNORECASE)
