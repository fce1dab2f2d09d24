"""Run the commands that remedies propose, and judge whether they help."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from mappedram.check import Finding, check
from mappedram.cli.main import main
from mappedram.errors import UnsupportedError
from mappedram.repair import repair

#: A domain and a cookie, for the images that need one.
XML = "<domain type='qemu'><name>guest</name></domain>"
COOKIE = "<qemu-cookie/>"


def commands(finding: Finding) -> Iterator[list[str]]:
    """The commands of this package in a remedy, as words."""
    for said in re.findall(r"`mappedram ([^`]+)`", finding.remedy):
        yield shlex.split(said)


def try_remedies(path: Path, offset: int, folder: Path) -> set[str]:
    """Run what is proposed for each finding about a file; return the verbs that were run.

    Args:
        path: the file.
        offset: start of the stream or of the save image.
        folder: an empty folder, and the working directory: commands write there.
    """
    tried: set[str] = set()
    for finding in check(path, offset).findings:
        assert "{" not in finding.remedy
        for verb, *words in commands(finding):
            _clean(folder)
            status = main([verb, *words])
            _JUDGES[verb](finding, words, status)
            tried.add(verb)
    _clean(folder)
    return tried


def _clean(folder: Path) -> None:
    """Remove what an earlier command wrote, and write what a later one reads."""
    for name in ("repaired.mapped-ram", "repaired.save", "converted.mapped-ram", "converted.save"):
        (folder / name).unlink(missing_ok=True)
    for name in ("converted.stream", "guest.metadump"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "ram", ignore_errors=True)
    (folder / "domain.xml").write_text(XML)
    (folder / "cookie.xml").write_text(COOKIE)


def _start(words: list[str]) -> int:
    return int(words[words.index("--offset") + 1], 0) if "--offset" in words else 0


def _repaired(finding: Finding, words: list[str], _: int) -> None:
    """The finding is gone; or if that is all that was promised, memory can be read."""
    out = Path(words[-1])
    assert out.exists(), finding
    if finding.remedy.startswith("Run `mappedram repair") or "--zero-padding" in words:
        left = {(one.code, one.path) for one in check(out, _start(words)).findings}
        assert (finding.code, finding.path) not in left
    else:
        assert "makes its memory readable" in finding.remedy
        assert main(["extract", "--partial", *_offset(words), str(out), "-d", "ram"]) in (0, 2)
        assert any(file.stat().st_blocks for file in Path("ram").iterdir())


def _offset(words: list[str]) -> list[str]:
    return ["--offset", str(_start(words))] if _start(words) else []


def _extracted(finding: Finding, words: list[str], status: int) -> None:
    assert status in ((0, 2) if "--partial" in words else (0,)), finding
    assert any(Path("ram").iterdir())


def _converted(finding: Finding, words: list[str], status: int) -> None:
    assert status == 0, finding
    report = check(words[-1])
    assert report.verdict != "corrupt"
    if "stream" not in words:
        assert finding.code not in {one.code for one in report.findings}


def _fine(finding: Finding, _: list[str], status: int) -> None:
    assert status == 0, finding


def _checked(finding: Finding, _: list[str], status: int) -> None:
    assert status != 63, finding


_JUDGES: dict[str, Callable[[Finding, list[str], int], None]] = {
    "check": _checked,
    "convert": _converted,
    "explain": _fine,
    "extract": _extracted,
    "metadump": _fine,
    "repair": _repaired,
    "restore-hint": _fine,
}


def repairs(path: Path, offset: int, code: str) -> bool:
    """Whether a repair, planned for its own sake, removes all findings with this code."""
    try:
        done = repair(path, offset=offset, asked=["padding"])
    except UnsupportedError:
        return False
    return bool(done.made) and code not in {finding.code for finding in done.report.findings}
