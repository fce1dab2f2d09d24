"""What the releases of QEMU make of a file under judgement (`mappedram.loader`)."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from mappedram.check.finding import Finding, Severity
from mappedram.container import detect
from mappedram.errors import FormatError
from mappedram.loader import ERRATA, Destination, Verdict, verdicts, verdicts_on_compressed
from mappedram.source import Source

#: The finding that a stream without mapped-ram has compressed pages; it gives their flags.
_COMPRESSED = "MR017"
#: Findings about streams of whose loading nothing else is modelled: those without mapped-ram, and
#: those for `xen-load-devices-state`.
_NOT_MODELLED = {"MR012", "MR019"}
_BIG_ENDIAN = "MR305"
#: The rule that names the cause where a release has not the machine type. A file of one that is too
#: new for the release does not break it.
_MACHINE = "MR060"


def judge_loading(
    source: Source, offset: int, destination: Destination | None, findings: Collection[Finding]
) -> dict[str, Verdict]:
    """What each release makes of a file.

    Of streams without mapped-ram, only that of which the newer releases know nothing any more.

    Args:
        source: the file.
        offset: where the stream, or a save image of libvirt, begins.
        destination: what is to load it; None for one that matches.
        findings: what there is to say of the file.
    """
    compressed = next((f for f in findings if f.code == _COMPRESSED and f.actual), None)
    if compressed is not None:
        return verdicts_on_compressed(int(str(compressed.actual), 16))
    if any(finding.code in _NOT_MODELLED for finding in findings):
        return {}
    try:
        image = detect(source, offset)
    except FormatError:  # of the header of the image; no stream is reached
        return {}
    if image is not None and image.compressed:
        return {}
    if destination is None:
        big = any(finding.code == _BIG_ENDIAN for finding in findings)
        destination = Destination(byteorder="big" if big else "little")
    begin = image.stream_offset if image is not None else offset
    found = verdicts(source, begin, destination)
    return {release: _named(verdict, findings) for release, verdict in found.items()}


def _named(verdict: Verdict, findings: Collection[Finding]) -> Verdict:
    """The verdict with those rules as its reasons that the file has been found to break.

    The loader meets a defect where it trips over it, which may be far from the rule that it breaks.
    """
    if verdict.outcome == "loads":
        return verdict
    broken = {finding.code: finding.severity for finding in findings}
    known = {*broken, *ERRATA, _MACHINE}
    codes = tuple(code for code in verdict.because if code in known)
    errors, warnings = (
        tuple(code for code, severity in broken.items() if severity == wanted)
        for wanted in (Severity.ERROR, Severity.WARNING)
    )
    return replace(verdict, because=codes or errors or warnings or verdict.because)


def by_outcome(found: Mapping[str, Verdict]) -> list[tuple[list[str], Verdict]]:
    """Releases that follow each other and come to the same, with what that is.

    Of a group, the words are those of a release that was measured, if there is one.
    """
    groups: list[tuple[list[str], Verdict]] = []
    for release, verdict in found.items():
        if groups and _alike(groups[-1][1], verdict):
            releases, known = groups[-1]
            better = verdict if verdict.basis == "measured" else known
            groups[-1] = ([*releases, release], better)
        else:
            groups.append(([release], verdict))
    return groups


def _alike(here: Verdict, there: Verdict) -> bool:
    return replace(here, message=None, basis="read") == replace(there, message=None, basis="read")
