"""The result of loading a file in each release of QEMU (`mappedram.qemu.loader`)."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mappedram.check.facts import Facts
from mappedram.check.finding import Finding, Severity
from mappedram.check.save_image import packing_of
from mappedram.errors import FormatError
from mappedram.format.specification import errata
from mappedram.io.source import Source
from mappedram.qemu.loader import E_SWITCHOVER, ERRATA, Destination, Verdict, fitted, verdicts
from mappedram.stream.model import Stream

#: The finding that a stream is for `xen-load-devices-state`.
_DEVICES_ONLY = "MR019"
_BIG_ENDIAN = "MR305"
#: The rule that names the cause if a release lacks the machine type. A file with a machine type
#: that is too new for a release does not break the rule.
_MACHINE = "MR060"
#: The rules for a file that one destination refuses and another one loads.
DESTINATION = frozenset(("MR063", "MR064", "MR065"))
#: Reasons that are no fault of the file: a device that only other builds have, a machine type or a
#: command that only other releases have.
ELSEWHERE = DESTINATION | {_MACHINE, E_SWITCHOVER}
#: The reason if no rule about the file covers the cause.
_UNNAMED = "MR061"
#: The rule about the destination, by the loader's reason, if the file does not break that rule and
#: loads differently at a matching destination; the last entry for all other reasons.
_LACKING = {"MR301": "MR064", "": "MR063"}
#: A link in Markdown.
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
#: Reasons that hold for any destination: no release has such a device.
_ANYWHERE = frozenset(("MR065",))


@dataclass(frozen=True)
class Findings:
    """The findings of the rules about the file.

    Attributes:
        findings: all findings.
        compressed: whether the stream is compressed, bare or in a libvirt save image.
        stream: the parsed stream; None if the file has none.
        not_judged: codes of the rules that were not judged, or only in part.
        facts: facts that decide which remedies help.
    """

    findings: list[Finding]
    compressed: bool = False
    stream: Stream | None = None
    not_judged: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)

    def has(self, code: str) -> bool:
        """Whether there is a finding with this code."""
        return any(finding.code == code for finding in self.findings)

    @property
    def unlike(self) -> str | None:
        """Why loading this stream is not modelled; None if it is."""
        if self.compressed:
            return "the stream is compressed"
        return "the stream is for xen-load-devices-state" if self.has(_DEVICES_ONLY) else None


def judge_loading(
    source: Source, offset: int, destination: Destination | None, found: Findings
) -> dict[str, Verdict]:
    """The result of each release, with mapped-ram enabled or disabled to match the file.

    Args:
        source: the file.
        offset: offset of the stream, or of a libvirt save image.
        destination: the destination that loads the file; None for one that matches it.
        found: the findings about the file.
    """
    findings = found.findings
    if found.unlike is not None:
        return {}
    try:
        packing = packing_of(source, offset)
    except FormatError:  # in the header of the image, or no program decompresses it
        return {}
    if packing is not None and packing.compressed:  # in a format that cannot be decompressed here
        return {}
    fitting = Destination(byteorder="big" if found.has(_BIG_ENDIAN) else "little")
    begin = packing.stream_offset if packing is not None else offset
    given = verdicts(source, begin, fitted(destination or fitting, source, begin))
    named = {release: _named(verdict, findings, destination) for release, verdict in given.items()}
    if destination is not None and any(_UNNAMED in verdict.because for verdict in named.values()):
        elsewhere = verdicts(source, begin, fitting)
        named = {
            release: _blamed(verdict, given[release], elsewhere[release])
            for release, verdict in named.items()
        }
    return named


def why_not_modelled(found: Findings) -> str:
    """Why `judge_loading` has no answer."""
    return found.unlike or "it has no readable stream"


def _named(
    verdict: Verdict, findings: Collection[Finding], destination: Destination | None
) -> Verdict:
    """The verdict, with only rules that the file breaks as its reasons.

    The loader may fail far from the defect, and give another rule as the reason.
    """
    if verdict.outcome == "loads":
        return verdict
    broken = {finding.code: finding.severity for finding in findings}
    reasons = (_ANYWHERE if destination is None else DESTINATION).union(ERRATA, broken, (_MACHINE,))
    codes = tuple(code for code in verdict.because if code in reasons)
    errors = tuple(code for code, severity in broken.items() if severity == Severity.ERROR)
    return replace(verdict, because=codes or errors or (_UNNAMED,))


def _blamed(verdict: Verdict, loaders: Verdict, elsewhere: Verdict) -> Verdict:
    """The verdict, with a rule about the destination as its reason if the destination matters.

    Args:
        verdict: result at the given destination.
        loaders: the same with the reasons of the loader.
        elsewhere: result at a destination that matches the file.
    """
    same = _end(elsewhere) == _end(loaders)
    if same or _UNNAMED not in verdict.because:
        return verdict
    lacking = next((_LACKING[code] for code in loaders.because if code in _LACKING), _LACKING[""])
    return replace(verdict, because=(lacking,))


def _end(verdict: Verdict) -> tuple[object, ...]:
    return verdict.outcome, verdict.because, verdict.message


def remedy_of(verdict: Verdict) -> str | None:
    """What to do about a release with this result, if an erratum of QEMU is the reason.

    None if a rule is the reason: its finding has the remedy.
    """
    cards = [errata()[code] for code in verdict.because if code in ERRATA]
    return _LINK.sub(r"\1", cards[0].fields["Remedy"]) if cards else None


@dataclass(frozen=True, slots=True)
class Group:
    """Consecutive releases with the same result.

    Attributes:
        releases: their names.
        verdict: the result, with the message of the newest release whose message is known.
        speaker: the release that prints this message; None if all releases print the same.
        multifd: other outcomes with the capability `multifd` enabled.
    """

    releases: tuple[str, ...]
    verdict: Verdict
    speaker: str | None
    multifd: tuple[str, ...] = ()

    @property
    def span(self) -> str:
        """The range of releases."""
        first, last = self.releases[0], self.releases[-1]
        return first if first == last else f"{first} to {last}"

    @property
    def quotation(self) -> str | None:
        """The message in quotes, with the release that prints it if others differ."""
        if self.verdict.message is None:
            return None
        whose = f"{self.speaker} prints " if self.speaker else ""
        return f'{whose}"{self.verdict.message}"'


def by_outcome(found: Mapping[str, Verdict]) -> list[Group]:
    """Consecutive releases with the same result, grouped."""
    groups: list[list[str]] = []
    for release, verdict in found.items():
        if groups and _alike(found[groups[-1][-1]], verdict):
            groups[-1].append(release)
        else:
            groups.append([release])
    return [_group(releases, found) for releases in groups]


def _group(releases: Sequence[str], found: Mapping[str, Verdict]) -> Group:
    known = [release for release in releases if found[release].message is not None]
    speaker = (known or releases)[-1]
    verdict = found[speaker]
    if any(found[release].basis == "measured" for release in releases):
        verdict = replace(verdict, basis="measured")
    same = {found[release].message for release in releases} == {verdict.message}
    multifd = {found[release].multifd for release in releases} - {None, verdict.outcome}
    outcomes = tuple(sorted(filter(None, multifd)))
    return Group(tuple(releases), verdict, None if same else speaker, outcomes)


def _alike(here: Verdict, there: Verdict) -> bool:
    # Ignore results with multifd, which differ more often: a group is about results without it.
    plain, other = (
        replace(verdict, message=None, basis="read", multifd=None) for verdict in (here, there)
    )
    return plain == other
