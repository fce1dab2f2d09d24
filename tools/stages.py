"""Run all checks in stages, and print a summary: what ran, what was skipped, what to do.

`tools/test` runs this. Each stage runs whatever the result of those before it. Arguments are passed
to pytest.
"""

import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
#: Exit status of a stage that cannot run here; its output says why.
UNAVAILABLE = 3
_PYTHON = (sys.executable, "-m")


@dataclass(frozen=True)
class Stage:
    """One command, and what it checks.

    Attributes:
        name: its name in the summary.
        command: the command, run in the root of the repository.
        remedy: what to do if it fails or cannot run.
        is_pytest: whether it takes the arguments of pytest and counts tests.
    """

    name: str
    command: tuple[str, ...]
    remedy: str
    is_pytest: bool = False


_AS_ROOT = "run it as root on Debian, or install by hand what it names above"
STAGES = (
    Stage("install QEMU", ("tools/qemu/install",), _AS_ROOT),
    Stage("install libvirt", ("tools/libvirt/install",), _AS_ROOT),
    Stage("install programs", (*_PYTHON, "tools.programs"), _AS_ROOT),
    Stage("install consumers", ("tools/consumers/install",), "see what pip says above"),
    Stage("lint", (*_PYTHON, "ruff", "check"), "run '.venv/bin/ruff check --fix'"),
    Stage("format", (*_PYTHON, "ruff", "format", "--check"), "run '.venv/bin/ruff format'"),
    Stage("types", (*_PYTHON, "mypy"), "see the lines above"),
    Stage(
        "generated files",
        (*_PYTHON, "tools.generate", "--check"),
        "run '.venv/bin/python -m tools.generate'",
    ),
    Stage("pages", (*_PYTHON, "tools.docs"), "see the lines above"),
    Stage("package", (*_PYTHON, "tools.package"), "see the lines above"),
    Stage(
        "tests",
        (*_PYTHON, "pytest", "-n", "auto", "-m", "not qemu and not hostile"),
        "run '.venv/bin/pytest --last-failed'",
        is_pytest=True,
    ),
    # Alone on the machine: these control a running guest, and a busy machine disturbs that.
    Stage(
        "tests with QEMU",
        (*_PYTHON, "pytest", "-m", "qemu"),
        "run '.venv/bin/pytest -m qemu --last-failed'",
        is_pytest=True,
    ),
)


@dataclass
class Outcome:
    """Result of a stage.

    Attributes:
        status: exit status of its command.
        seconds: how long it took.
        counts: number of tests by result: passed, failed, skipped.
        skipped: why tests were skipped, with their number.
    """

    stage: Stage
    status: int
    seconds: float
    counts: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def word(self) -> str:
        """Its result in a word."""
        return {0: "passed", UNAVAILABLE: "skipped"}.get(self.status, "FAILED")

    @property
    def failed(self) -> bool:
        """Whether something failed, rather than being unavailable."""
        return self.word == "FAILED"


def run(stage: Stage, arguments: Sequence[str]) -> Outcome:
    """Run one stage; its output goes to our own."""
    with tempfile.TemporaryDirectory(prefix="mappedram-stage-") as folder:
        report = Path(folder) / "report.xml"
        extra = (f"--junitxml={report}", *arguments) if stage.is_pytest else ()
        command = (*stage.command, *extra)
        print(f"+ {shlex.join(command)}", file=sys.stderr, flush=True)
        begun = time.monotonic()
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        outcome = Outcome(stage, status, time.monotonic() - begun)
        if stage.is_pytest:
            # 3 is an internal error of pytest, not a stage that is left out.
            outcome.status = -status if status == UNAVAILABLE else status
            if report.exists():
                _count(report, outcome)
    return outcome


def _count(report: Path, outcome: Outcome) -> None:
    """Read the numbers of tests, and the reasons of skips, from a JUnit report."""
    for case in ElementTree.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.counts["failed"] += 1
        elif skipped is not None:
            outcome.counts["skipped"] += 1
            outcome.skipped[skipped.get("message", "")] += 1
        else:
            outcome.counts["passed"] += 1


def summary(outcomes: Sequence[Outcome]) -> str:
    """What ran, what was skipped and why, and what to do."""
    width = max(len(outcome.stage.name) for outcome in outcomes)
    lines = ["", "Summary"]
    for outcome in outcomes:
        tests = ", ".join(f"{number} {word}" for word, number in sorted(outcome.counts.items()))
        line = (
            f"  {outcome.stage.name:{width}}  {outcome.word:7}  {outcome.seconds:6.1f} s  {tests}"
        )
        lines.append(line.rstrip())
        if outcome.word != "passed":
            lines.append(f"  {'':{width}}  to mend it: {outcome.stage.remedy}")
    skipped = sum((outcome.skipped for outcome in outcomes), Counter[str]())
    if skipped:
        lines += ["", "Skipped tests, and what would enable them"]
        lines += [f"  {number:4}  {reason}" for reason, number in skipped.most_common()]
    counts = sum((outcome.counts for outcome in outcomes), Counter[str]())
    bad = counts["failed"] + sum(o.failed and not o.counts["failed"] for o in outcomes)
    lines += ["", f"{counts['passed']} passed, {bad} failed, {counts['skipped']} skipped"]
    return "\n".join(lines)


def main() -> int:
    """Run all stages; return 1 if one failed."""
    arguments = sys.argv[1:]
    outcomes = [run(stage, arguments) for stage in STAGES]
    print(summary(outcomes), flush=True)
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
