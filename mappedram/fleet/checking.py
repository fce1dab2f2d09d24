"""`fleet check`: judge each file, as `check` does."""

from dataclasses import dataclass, field, replace

from mappedram.check import Asked, Finding, Report, Severity, check
from mappedram.check.report import unread
from mappedram.check.reports import Result, Unread
from mappedram.check.selection import Selection
from mappedram.fleet.inputs import FleetFile
from mappedram.fleet.work import Cell, Entry
from mappedram.qemu.loader import Destination


@dataclass(frozen=True)
class CheckJob:
    """Judge files.

    Attributes:
        label: the options that the verdicts depend on.
        offset: offset of the stream in each file.
        selection: the findings to report.
        release: the only release of QEMU to consider; None for all.
        destination: the destination that loads the files; None for one that matches each.
    """

    label: str
    offset: int = 0
    selection: Selection = field(default_factory=Selection)
    release: str | None = None
    destination: Destination | None = None

    def __call__(self, file: FleetFile) -> Entry:
        """The report on a file.

        Raises:
            OSError: it cannot be opened or read.
            NotModelledError: the behaviour of the release or the destination is not modelled.
        """
        report = check(
            file.place,
            self.offset,
            release=self.release,
            destination=self.destination,
            takes=self.selection.takes,
        )
        return {**report.to_dict(), "file": file.name, "status": report.exit_status}

    def without_result(self, file: FleetFile, message: str) -> Entry:
        """The result for a file that could not be judged."""
        return unread(file.name, message, Asked(self.release, self.destination is not None))

    def result(self, entry: Entry) -> Result:
        """The report in a line, as far as other formats need it."""
        if entry["verdict"] is None:
            return Unread(entry["file"], entry["error"])
        findings = (
            Finding(**{**told, "severity": Severity(told["severity"])})
            for told in entry["findings"]
        )
        report = Report.of(entry["file"], findings)
        return replace(report, not_judged=tuple(entry["not_judged"]))

    def counts(self, entry: Entry) -> tuple[Cell, ...]:
        """Verdict, rules with findings, results of the releases, and machine type."""
        verdict = entry["verdict"] or "error"
        codes = sorted({finding["code"] for finding in entry["findings"]})
        return (
            ("verdict", verdict, "files"),
            *(("rule", code, "files") for code in codes),
            *(("QEMU", name, told["outcome"]) for name, told in entry["qemu"].items()),
            ("machine", entry["machine"] or "unknown", verdict),
        )
