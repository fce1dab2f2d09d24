"""What the releases of QEMU do with a file under judgement (`mappedram.qemu.loader`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from mappedram.check.finding import Finding, Severity
from mappedram.check.save_image import packing_of
from mappedram.errors import FormatError
from mappedram.io.source import Source
from mappedram.qemu.loader import E_SWITCHOVER, ERRATA, Destination, Verdict, fitted, verdicts
from mappedram.stream.model import Stream

#: The finding that a stream is for `xen-load-devices-state`.
_DEVICES_ONLY = "MR019"
_BIG_ENDIAN = "MR305"
#: The rule that names the cause where a release has not the machine type. A file of one that is too
#: new for the release does not break it.
_MACHINE = "MR060"
#: The rules that say why a destination refuses what another one loads.
DESTINATION = frozenset(("MR063", "MR064", "MR065"))
#: The reasons that are no fault of the file: a device that other builds have, a machine type or a
#: command that other releases have.
ELSEWHERE = DESTINATION | {_MACHINE, E_SWITCHOVER}
#: The reason where no rule about the file names the cause.
_UNNAMED = "MR061"
#: What the destination lacks if the file breaks none of the rules that the loader gives as reason,
#: and does something else where the destination fits: by that rule, or else the last.
_LACKING = {"MR301": "MR064", "": "MR063"}
#: What is no matter of a destination that somebody has named: no release has such a device.
_ANYWHERE = frozenset(("MR065",))


@dataclass(frozen=True)
class Findings:
    """What the rules about the file found.

    Attributes:
        findings: all of it.
        compressed: whether the stream is compressed, bare or in a save image of libvirt.
        stream: what was read; None where no stream begins.
    """

    findings: list[Finding]
    compressed: bool = False
    stream: Stream | None = None

    def has(self, code: str) -> bool:
        """Whether the rule with that code has found anything."""
        return any(finding.code == code for finding in self.findings)

    @property
    def unlike(self) -> str | None:
        """What it is about the stream that nothing of its loading is modelled; None if it is."""
        if self.compressed:
            return "the stream is compressed"
        return "the stream is for xen-load-devices-state" if self.has(_DEVICES_ONLY) else None


def judge_loading(
    source: Source, offset: int, destination: Destination | None, found: Findings
) -> dict[str, Verdict]:
    """What each release does with a file, with mapped-ram on or off as the file has it.

    Args:
        source: the file.
        offset: where the stream, or a save image of libvirt, begins.
        destination: what is to load it; None for one that fits the file.
        found: what there is to say of the file.
    """
    findings = found.findings
    if found.unlike is not None:
        return {}
    try:
        packing = packing_of(source, offset)
    except FormatError:  # of the header of the image, or of what decompresses; no stream is reached
        return {}
    if packing is not None and packing.compressed:  # and cannot be decompressed here
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
    """Why `judge_loading` has no answer, in words."""
    return found.unlike or "no stream is reached in it"


def _named(
    verdict: Verdict, findings: Collection[Finding], destination: Destination | None
) -> Verdict:
    """The verdict with those rules as its reasons that the file has been found to break.

    The loader meets a defect where it trips over it, which may be far from the rule that it breaks.
    """
    if verdict.outcome == "loads":
        return verdict
    broken = {finding.code: finding.severity for finding in findings}
    reasons = (_ANYWHERE if destination is None else DESTINATION).union(ERRATA, broken, (_MACHINE,))
    codes = tuple(code for code in verdict.because if code in reasons)
    errors = tuple(code for code, severity in broken.items() if severity == Severity.ERROR)
    return replace(verdict, because=codes or errors or (_UNNAMED,))


def _blamed(verdict: Verdict, loaders: Verdict, elsewhere: Verdict) -> Verdict:
    """The verdict with what a destination lacks as its reason, if that makes a difference.

    Args:
        verdict: what the release does with the file at that destination.
        loaders: the same with the reasons of the loader.
        elsewhere: what it does at one that fits the file.
    """
    same = _end(elsewhere) == _end(loaders)
    if same or _UNNAMED not in verdict.because:
        return verdict
    lacking = next((_LACKING[code] for code in loaders.because if code in _LACKING), _LACKING[""])
    return replace(verdict, because=(lacking,))


def _end(verdict: Verdict) -> tuple[object, ...]:
    return verdict.outcome, verdict.because, verdict.message


@dataclass(frozen=True, slots=True)
class Group:
    """Releases that follow each other and come to the same.

    Attributes:
        releases: their names.
        verdict: what they come to, with the words of the newest whose words are known.
        speaker: the release whose words these are; None where nobody else has other words.
        multifd: what else comes of it where the capability `multifd` is on.
    """

    releases: tuple[str, ...]
    verdict: Verdict
    speaker: str | None
    multifd: tuple[str, ...] = ()

    @property
    def span(self) -> str:
        """The releases in short."""
        first, last = self.releases[0], self.releases[-1]
        return first if first == last else f"{first} to {last}"

    @property
    def quotation(self) -> str | None:
        """The words in quotes, and whose they are where that has to be said."""
        if self.verdict.message is None:
            return None
        whose = f"{self.speaker} says " if self.speaker else ""
        return f'{whose}"{self.verdict.message}"'


def by_outcome(found: Mapping[str, Verdict]) -> list[Group]:
    """The releases in groups that come to the same, in their order."""
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
    # With multifd, releases differ where they are the same without; the lines are about these.
    plain, other = (
        replace(verdict, message=None, basis="read", multifd=None) for verdict in (here, there)
    )
    return plain == other
