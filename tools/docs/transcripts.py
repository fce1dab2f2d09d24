"""Commands on the pages and their output: run them, compare, update.

A page opts in with a comment such as `<!-- files: pc killed -->`. Its `console` blocks hold
commands after `$ ` and their output; all blocks run in order, in a folder with those sample files.
A line `…` in the output stands for any number of lines.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.docs.samples import unpacked

_ROOT = Path(__file__).resolve().parents[2]
_DOCS = _ROOT / "docs"
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_FILES = re.compile(r"<!-- files: ([\w -]+) -->")
_ANY = "…"

PAGES = tuple(path for path in sorted(_DOCS.glob("*.md")) if _FILES.search(path.read_text("utf-8")))


@dataclass(frozen=True)
class Step:
    """A command, its output on the page, and its actual output."""

    command: str
    shown: str
    printed: str

    @property
    def holds(self) -> bool:
        """Whether the page shows the actual output."""
        pieces = re.split(rf"^{_ANY}\n", self.shown, flags=re.MULTILINE)
        pattern = r"(?:.*\n)*?".join(map(re.escape, pieces))
        return re.fullmatch(pattern, self.printed) is not None


def steps(page: str) -> Iterator[Step]:
    """Run all commands of a page, in order."""
    files = _FILES.search(page)
    assert files is not None
    with unpacked(*files[1].split()) as folder:
        for block in _BLOCK.findall(page):
            for command, shown in _commands(block):
                yield Step(command, shown, _run(command, folder))


def updated(page: str) -> str:
    """The page with the actual output of its commands; matching output is left unchanged."""
    found = steps(page)

    def renew(match: re.Match[str]) -> str:
        taken = [next(found) for _ in _commands(match[0])]
        return "".join(
            f"$ {step.command}\n{step.shown if step.holds else step.printed}" for step in taken
        )

    return _BLOCK.sub(renew, page)


def _commands(block: str) -> list[tuple[str, str]]:
    """Commands with their output; a backslash at the end continues a command on the next line."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [
        (match[1], part[match.end() :])
        for part in parts
        if (match := re.match(r"((?:.*\\\n)*.*)\n", part))
    ]


def _run(command: str, folder: Path) -> str:
    """Standard output and standard error, and a line with the exit status if it is not 0."""
    shim = f'mappedram() {{ "{sys.executable}" -m mappedram "$@"; }}; '
    done = subprocess.run(
        ["bash", "-c", shim + command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONPATH": str(_ROOT), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
    )
    return done.stdout + (f"[exit status {done.returncode}]\n" if done.returncode else "")
