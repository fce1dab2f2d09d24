"""The pages of the site: those in `docs/`, the specification, and generated ones."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.docs import (
    answers,
    architecture,
    commands,
    declaration,
    downloads,
    judgement,
    policy,
    relink,
    rules,
    specification,
    versions,
)

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: The pages in order, with their titles in the navigation; missing ones are left out.
ORDER = {
    "format": "The format",
    "declaration": "The format in code",
    "examples": "Worked examples",
    "explorer": "Explorer",
    "errata": "Errata",
    "rules": "Rules",
    "judgement": "The verdict",
    "versions": "QEMU versions",
    "verdicts": "Verdicts, proven",
    "cli": "Command line",
    "recipes": "Recipes",
    "files": "Files and devices",
    "metadump": "Metadumps",
    "unknown": "Incomplete files",
    "physical": "Physical memory",
    "exports": "Exports",
    "consumers": "Debuggers and forensics",
    "python": "Python",
    "api": "Python reference",
    "languages": "Other languages",
    "downloads": "Downloads",
    "fuzzing": "Fuzzing",
    "performance": "Performance",
    "architecture": "Architecture",
    "contributing": "Contributing",
    "releasing": "Releasing",
}

#: Functions that insert generated parts into pages.
_INSERTS = (
    policy.with_table,
    answers.with_table,
    judgement.with_table,
    architecture.with_rooms,
)


def stage(target: Path, app: str, archives: Mapping[str, bytes]) -> None:
    """Write all files that Sphinx needs into a folder, which is emptied first.

    Args:
        target: the folder.
        app: the explorer.
        archives: the downloads, by name.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copy(DOCS / "conf.py", target)
    shutil.copytree(DOCS / "_static", target / "_static")
    (target / "extra" / "app").mkdir(parents=True)
    (target / "extra" / "app" / "explorer.html").write_text(app, encoding="utf-8")
    (target / "extra" / downloads.FOLDER).mkdir()
    for name, data in archives.items():
        (target / "extra" / downloads.FOLDER / name).write_bytes(data)
    texts = {**dict(pages()), "downloads": downloads.page(archives)}
    contents = "\n".join(f"{title} <{name}>" for name, title in ORDER.items() if name in texts)
    texts["index"] += f"\n```{{toctree}}\n:hidden:\n\n{contents}\n```\n"
    for name, text in texts.items():
        (target / f"{name}.md").write_text(relink.relinked(text, texts.keys()), encoding="utf-8")


def pages() -> Iterator[tuple[str, str]]:
    """Name and text of each page."""
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for insert in _INSERTS:
            text = insert(text)
        yield path.stem, text
    yield "format", specification.format_page()
    yield "declaration", declaration.page()
    yield "errata", specification.errata_page()
    yield "examples", specification.examples_page()
    yield "rules", rules.page()
    yield "versions", versions.page()
    yield "cli", commands.page()
