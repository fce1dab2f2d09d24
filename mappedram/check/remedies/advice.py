"""Choose the remedy of each finding, and fill in the commands that work on this file."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from os.path import abspath

from mappedram.check.facts import Facts
from mappedram.check.finding import Finding, Severity
from mappedram.check.registry import RULES
from mappedram.check.releases import by_outcome, remedy_of
from mappedram.check.remedies.table import REMEDIES
from mappedram.check.report import Report
from mappedram.printable import printable

_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
#: A placeholder in a text.
PLACEHOLDER = re.compile(r"\{(\w+)\}")
#: Names of files that are no paths, as `name_of` makes them for descriptors and bytes.
_NO_PATH = re.compile(r"<.*>")


def advised(report: Report, facts: Facts) -> Report:
    """The report with a remedy for each finding."""
    case = _Case(facts, report)
    found = tuple(replace(one, remedy=_remedy(one, case)) for one in report.findings)
    return replace(report, findings=found)


@dataclass(frozen=True)
class _Case:
    """The file, and its report without remedies."""

    facts: Facts
    report: Report
    _values: dict[str, str | None] = field(default_factory=dict)

    def value(self, name: str) -> str | None:
        """Value of a placeholder that is the same for all findings; None if it would not help."""
        if name not in self._values:
            self._values[name] = VALUES[name](self) if name in VALUES else None
        return self._values[name]

    # Commands. None if they would not help.

    def command(self, verb: str, *words: str) -> str:
        """A command about the file, in backticks."""
        facts = self.facts
        name = "FILE" if _NO_PATH.fullmatch(facts.name) or not facts.name else facts.name
        name = f"./{name}" if name.startswith("-") else name
        where = ["--offset", f"{facts.offset:#x}"] if facts.offset else []
        where += ["--snapshot", facts.chosen] if facts.chosen else []
        options = [word for word in words if not word.startswith("OUT")]
        outs = [word.removeprefix("OUT") for word in words if word.startswith("OUT")]
        said = printable(shlex.join(["mappedram", verb, *options, *where, name, *outs]))
        return f"`{said}`"

    def rescue(self) -> str | None:
        """Repair of whatever can be repaired."""
        return self.repaired() if self.facts.repairable else None

    def repaired(self, *options: str) -> str:
        """Repair."""
        return self.command("repair", *options, "OUTrepaired" + self._suffix)

    def padding(self) -> str | None:
        """Repair of padding."""
        cured = any(code == "MR403" for code, _ in self.facts.cured)
        return self.repaired("--zero-padding") if cured else None

    def extract(self) -> str | None:
        """Extraction of the memory that the file has."""
        if self.facts.known == "none":
            return None
        partial = ["--partial"] if self.facts.known == "part" else []
        return self.command("extract", *partial, "OUT-d", "OUTram")

    def converted(self, form: str, *options: str, out: str) -> str | None:
        """Conversion, for which everything must be known."""
        whole = self.facts.known == "all" and self.facts.complete
        return self.command("convert", "-O", form, *options, f"OUT{out}") if whole else None

    def convert(self) -> str | None:
        """Conversion to mapped-ram."""
        return self.converted("mapped-ram", out="converted.mapped-ram")

    def stream(self) -> str | None:
        """Conversion to a stream without bitmaps."""
        return self.converted("stream", out="converted.stream")

    def image(self, *options: str) -> str | None:
        """Conversion to a save image of libvirt, for which the XML must be right."""
        if "--xml" not in options and any(one.code == "MR505" for one in self.report.findings):
            return None
        return self.converted("libvirt-sparse", *options, out="converted.save")

    def image_with_xml(self) -> str | None:
        """The same, with another XML."""
        return self.image("--xml", "domain.xml")

    def image_with_cookie(self) -> str | None:
        """The same, with another cookie."""
        return self.image("--cookie", "cookie.xml")

    def hint(self) -> str | None:
        """The commands that load the file."""
        sound = self.facts.complete and not self._broken
        return self.command("restore-hint") if sound else None

    def restore(self) -> str | None:
        """Loading of a save image; virsh needs an absolute path (spec/errata.md, E-047)."""
        if not self.facts.in_image or self.facts.offset or self._broken:
            return None
        return f"`{printable(shlex.join(['virsh', 'restore', abspath(self.facts.name)]))}`"

    def loadvm(self) -> str | None:
        """The option of QEMU that loads a snapshot in a disk image."""
        chosen = self.facts.chosen
        return chosen and f"`-loadvm {printable(shlex.quote(chosen))}`"

    @property
    def _broken(self) -> bool:
        """Whether the file itself has an error."""
        return any(
            one.severity == Severity.ERROR and RULES[one.code].subject == "file"
            for one in self.report.findings
        )

    def metadump(self) -> str | None:
        """A copy without guest memory."""
        return self.command("metadump", "OUTguest.metadump") if self.facts.complete else None

    # Facts.

    def elsewhere(self) -> str | None:
        """Option for a stream that begins at another offset."""
        offset = self.facts.elsewhere
        if offset is None:
            return None
        there = _Case(replace(self.facts, offset=offset), self.report)
        return f"`--offset {offset:#x}`, as in {there.command('check')}"

    def advice(self) -> str | None:
        """Advice about a file of another format."""
        advice = self.facts.advice
        return f"{advice[0].upper()}{advice[1:]}." if advice else None

    def loads(self) -> str | None:
        """Releases that load the file with the right memory."""
        groups = by_outcome(self.report.qemu)
        spans = [group.span for group in groups if group.verdict.outcome == "loads"]
        return f"QEMU {' and '.join(spans)}" if spans else None

    def erratum(self) -> str | None:
        """Remedy of the erratum because of which the newest release does not load the file."""
        remedies = map(remedy_of, reversed([*self.report.qemu.values()]))
        return next((remedy for remedy in remedies if remedy), None)

    def explain(self) -> str | None:
        """Lookup of the message of the newest release that has one."""
        from mappedram.qemu.loader.messages import causes  # only for a file with findings

        messages = (verdict.message for verdict in reversed([*self.report.qemu.values()]))
        known = next((message for message in messages if message and causes(message)), None)
        return known and f"`{printable(shlex.join(['mappedram', 'explain', known]))}`"

    @property
    def _suffix(self) -> str:
        return ".save" if self.facts.in_image else ".mapped-ram"


#: Values of the placeholders, but for `{repair}`, which depends on the finding.
VALUES: Mapping[str, Callable[[_Case], str | None]] = {
    "advice": _Case.advice,
    "convert": _Case.convert,
    "elsewhere": _Case.elsewhere,
    "erratum": _Case.erratum,
    "explain": _Case.explain,
    "extract": _Case.extract,
    "hint": _Case.hint,
    "image": _Case.image,
    "image_with_cookie": _Case.image_with_cookie,
    "image_with_xml": _Case.image_with_xml,
    "loads": _Case.loads,
    "loadvm": _Case.loadvm,
    "metadump": _Case.metadump,
    "padding": _Case.padding,
    "rescue": _Case.rescue,
    "restore": _Case.restore,
    "stream": _Case.stream,
}


def _remedy(finding: Finding, case: _Case) -> str:
    """The first text whose placeholders all have a value."""
    cured = (finding.code, finding.path) in case.facts.cured
    own = {"repair": case.repaired() if cured else None}
    texts = (_filled(text, case, own) for text in REMEDIES[finding.code])
    return next(text for text in texts if text is not None)


def _filled(text: str, case: _Case, own: Mapping[str, str | None]) -> str | None:
    """The text with its values; None if one is missing outside of brackets."""
    found = []
    for number, part in enumerate(_OPTIONAL.split(text)):
        values = {name: own.get(name, case.value(name)) for name in PLACEHOLDER.findall(part)}
        if None not in values.values():
            found.append(part.format_map(values))
        elif number % 2 == 0:  # odd ones were in brackets
            return None
    return "".join(found)
