"""Find the ways in which a load can have failed, by QEMU's words.

Source: the table in `mappedram.qemu.loader.failures`, and QEMU migration/savevm.c,
qemu_loadvm_section_start_full(), and migration/migration.c, process_incoming_migration_co().
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise

from mappedram.format.constants import RAM_SECTION_IDSTR
from mappedram.qemu.loader.failures import ENDINGS, Ending
from mappedram.qemu.loader.releases import RELEASES


@dataclass(frozen=True, slots=True)
class Cause:
    """One way in which a load can have ended.

    Attributes:
        way: its name in `ENDINGS`.
        ending: its outcome, rule and words.
        words: QEMU's, with the names of values in braces; None if unknown.
        releases: those that write these words; all releases if the words are unknown.
    """

    way: str
    ending: Ending
    words: str | None
    releases: tuple[str, ...]


#: Program name at the start of QEMU's messages.
_PROGRAM = re.compile(r"\bqemu-[\w.-]+: ")
#: Text before the words: a log prefix, the program name, and the common prefix of newer releases.
_BEFORE = re.compile(
    r"^(?:.*?\bqemu-[\w.-]+: )?(?:-incoming \S+: )?"
    r"(?:.*?\bload of migration failed(?:: [^:]+)?: )?",
    re.IGNORECASE,
)
#: Lines that QEMU writes after the words.
_BEGINS = re.compile("(error while loading state|load of migration failed)", re.IGNORECASE)
#: The only message of QEMU up to 10.1 if it has no words of its own.
_FAILED = re.compile(r".*?\bload of migration failed: (?P<reason>[^:]+)", re.IGNORECASE)
#: Message about a section that could not be loaded: behind the words, or around them.
_SECTION = re.compile(
    r"error while loading state (?:for instance 0x[0-9a-f]+ of device '(?P<device>.*?)'"
    r"|section id \d+\((?P<live>.*?)\))(?:: (?P<inner>.*))?",
    re.IGNORECASE,
)
#: Other text that newer releases put before the words.
_AROUND = re.compile(
    r"(?:post load hook failed for: configuration, version_id: \d+, minimum_version: \d+"
    r"|Loading VM subsection '.*?' in '.*?' failed(?:: -\d+)?): (?P<inner>.*)",
    re.IGNORECASE,
)
#: Ways in which a section of RAM, or of a device, fails. Source: `mappedram.qemu.loader`, modules
#: `ram`, `plain` and `records`; `devices` and `hooks`.
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
IN_DEVICE = ("device", "device-too-new", "hook", "run-state", "device-cut")
#: Ways that only one device has. Source: `mappedram.qemu.loader.hooks`.
_OF_ONE = {"hook": "kvm-tpr-opt", "run-state": "globalstate"}
#: Ways that are only about RAM, though QEMU writes the same words for any section.
_OF_RAM = ("ram-instance", "section-version")
#: Ways that are only about the configuration, though QEMU writes the same words for devices.
_OF_CONFIGURATION = ("field", "too-new", "too-old")
_CONFIGURATION = "configuration"
#: Messages of devices themselves. Source: QEMU migration/vmstate.c, vmstate_load_state();
#: migration/vmstate-types.c; hw/pci/pci.c, get_pci_config_device().
_OF_DEVICES = re.compile(
    r"(?!configuration).*: incoming version_id \d+ is too old for local minimum version_id +\d+"
    r"|Failed to load (?!configuration)[^ :]*:[^ :]*"
    r"|[0-9a-f]+ != [0-9a-f]+"
    r"|get_pci_config_device: Bad config data.*",
    re.IGNORECASE,
)
#: Messages that follow the cause, or replace it. Source: QEMU migration/savevm.c, vmstate_load(),
#: qemu_loadvm_state_main(), and GLib, which aborts QEMU.
_GENERAL: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), ways)
    for pattern, ways in (
        (r"Failed to load vmstate version_id: \d+, ret: -\d+", IN_RAM),
        (r"Section footer error, section_id: \d+", ("footer-cut", "footer-missing", "footer-id")),
        (
            r"post load hook failed for: configuration, .*",
            ("machine", "page-bits", "capability", "uuid"),
        ),
        (r"(?:GLib: .*: )?failed to allocate \d+ bytes", ("allocation",)),
    )
)
#: Ways without words of their own, by the reason that QEMU prints.
_SILENT: Mapping[str, tuple[str, ...]] = {
    "input/output error": ("type-cut", "command-cut"),
    "no such file or directory": ("subsection",),
}
_VALUE = re.compile(r"\{(\w+)[^}]*\}")
#: Values that are numbers; others can be any text.
_NUMBERS = frozenset(
    (
        *("data", "flags", "got", "instance_id", "length", "number", "offset", "page_size"),
        *("place", "section_id", "value", "version", "wanted"),
    )
)
#: Fewest characters of QEMU's own words that the beginning of a message must have.
_SHORTEST = 12


def causes(text: str) -> list[Cause]:
    """The ways in which QEMU can have come to write this, in the order of a load.

    Args:
        text: what QEMU wrote, in one line or several, or the beginning of a line. Values and letter
            case may differ.
    """
    pieces = _pieces(text)
    return next(filter(None, chain(map(_specific, pieces), map(_general, pieces))), [])


def _pieces(text: str) -> list[str]:
    """Messages of QEMU, in their order.

    Lines may be broken, and other programs may write in between: a line that does not begin like a
    message may continue the line before, so both readings are tried.
    """
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    groups: list[list[str]] = []
    for line in lines:
        starts = [found.start() for found in _PROGRAM.finditer(line)]
        if not groups or starts or _BEGINS.match(line):
            groups.append([])
        edges = [0, *starts[1:], len(line)]
        groups[-1].append(line[: edges[1]].strip())
        groups += [[line[start:end].strip()] for start, end in pairwise(edges[1:])]
    pieces: list[str] = []
    for first, *others in groups:
        joined = [" ".join((first, *others))] if others else []
        pieces += [*joined, first, *others]
    return pieces


def _specific(piece: str) -> list[Cause]:
    """Ways whose words match, or begin with, the text."""
    texts = _unwrapped(piece)
    for beginning in (False, True):
        found = [
            cause
            for cause in _spoken()
            if any(_is_said(cause, text, beginning=beginning) for text in texts)
        ]
        if found:
            return found
    by_devices = any(_OF_DEVICES.fullmatch(text) for text in texts)
    return [cause for way in _ways_of(None) for cause in _known(way)] if by_devices else []


def _general(piece: str) -> list[Cause]:
    """Ways that end with a general message, whatever QEMU wrote before."""
    failed = _FAILED.fullmatch(piece)
    if failed:
        ways = _SILENT.get(failed["reason"].lower(), ())
        return [cause for way in ways for cause in _without_words(way)]
    for text in reversed(_unwrapped(piece, whole=True)):
        section = _SECTION.fullmatch(text)
        if section:
            ways = _ways_of(section["device"] or section["live"])
            return [cause for way in ways for cause in _known(way)]
        for pattern, ways in _GENERAL:
            if pattern.fullmatch(text):
                return [cause for way in ways for cause in _known(way)]
    return []


def _unwrapped(piece: str, *, whole: bool = False) -> list[str]:
    """Remove the text around the words; return each step.

    Args:
        piece: one message.
        whole: keep the message about a section even if it has no words within.
    """
    texts = [_BEFORE.sub("", piece)]
    while found := _SECTION.fullmatch(texts[-1]) or _AROUND.fullmatch(texts[-1]):
        if not found["inner"]:
            return texts if whole else texts[:-1]
        texts.append(found["inner"])
    return texts


def _ways_of(idstr: str | None) -> tuple[str, ...]:
    """Ways in which a section of that name fails; None stands for any device."""
    if idstr is not None and idstr.lower() == RAM_SECTION_IDSTR:
        return IN_RAM
    own = (idstr or "").lower()
    return tuple(way for way in IN_DEVICE if _OF_ONE.get(way, own) == own)


def _known(way: str) -> list[Cause]:
    """The words of one way, or one entry without words if they are unknown."""
    spoken = [cause for cause in _spoken() if cause.way == way]
    return spoken or [Cause(way, ENDINGS[way], None, tuple(RELEASES))]


def _without_words(way: str) -> list[Cause]:
    """The releases in which a way has no words."""
    releases = tuple(release for release in RELEASES if ENDINGS[way].said_by(release) is None)
    return [Cause(way, ENDINGS[way], None, releases)] if releases else []


def _spoken() -> Iterator[Cause]:
    """All words in the table, each with the releases that write them."""
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
    values = found.groupdict()
    idstr, vmsd = values.get("idstr"), values.get("vmsd") or values.get("name")
    if cause.way in _OF_ONE and idstr is not None:
        return idstr.lower() == _OF_ONE[cause.way]
    if cause.way in _OF_CONFIGURATION and vmsd is not None:
        return vmsd.lower().startswith(_CONFIGURATION)
    if cause.way in IN_DEVICE and vmsd is not None:
        return not vmsd.lower().startswith(_CONFIGURATION)
    return cause.way not in _OF_RAM or idstr is None or idstr.lower() == RAM_SECTION_IDSTR


def _match(words: str, said: str, *, beginning: bool) -> "re.Match[str] | None":
    """Match a text with words; with `beginning`, the text may stop within them."""
    literals, names = _VALUE.split(words)[::2], [*_VALUE.findall(words), None]
    pattern, consumed, seen = "", 0, set()
    found = None
    for literal, name in zip(literals, names, strict=True):
        ends = range(max(0, _SHORTEST - consumed), len(literal) + 1)
        if beginning and ends:  # match as many words as possible, so that values take less
            cut = "|".join(re.escape(literal[:end]) for end in ends)
            found = re.fullmatch(f"{pattern}(?:{cut})", said, re.IGNORECASE) or found
        consumed += len(literal)
        pattern += re.escape(literal)
        if name is not None:
            value = "[-0-9a-fx]+?" if name in _NUMBERS else ".*?"
            pattern += f"(?:{value})" if name in seen else f"(?P<{name}>{value})"
            seen.add(name)
    return found if beginning else re.fullmatch(pattern, said, re.IGNORECASE)
