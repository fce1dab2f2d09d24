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
    libvirt,
    policy,
    relink,
    restoring,
    rules,
    specification,
    versions,
)

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: The navigation: groups, and in each the pages in order with their titles. Every page is in one
#: group; a new page needs a line here.
GROUPS = {
    "Start": {
        "installation": "Installation",
        "for-qemu-developers": "For QEMU developers",
        "for-operators": "For operators",
        "for-parser-authors": "For parser authors",
        "for-kernel-engineers": "For kernel engineers",
        "for-python-users": "For Python users",
    },
    "Use": {
        "cli": "Command line",
        "recipes": "Recipes",
        "libvirt": "libvirt says …, what now",
        "restore": "Restoring a guest",
        "unknown": "Incomplete files",
        "metadump": "Metadumps",
        "remote": "Many and remote snapshots",
        "fleets": "Fleets",
        "physical": "Physical memory",
        "exports": "Exports",
        "consumers": "Debuggers and forensics",
        "python": "Python",
        "api": "Python reference",
        "files": "Files and devices",
        "fuzzing": "Fuzzing",
    },
    "Format": {
        "format": "The format",
        "examples": "Worked examples",
        "explorer": "Explorer",
        "errata": "Errata",
        "rules": "Rules",
        "judgement": "The verdict",
        "versions": "QEMU versions",
        "verdicts": "Verdicts, proven",
        "languages": "Other languages",
        "downloads": "Downloads",
    },
    "Develop": {
        "architecture": "Architecture",
        "declaration": "The format in code",
        "contributing": "Contributing",
        "performance": "Performance",
        "releasing": "Releasing",
    },
}
#: All pages but the first, with their titles.
TITLES = {name: title for titles in GROUPS.values() for name, title in titles.items()}

#: Functions that insert generated parts into pages.
_INSERTS = (
    policy.with_table,
    answers.with_table,
    judgement.with_table,
    architecture.with_rooms,
    libvirt.with_table,
    restoring.with_tables,
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
    texts["index"] += _navigation()
    for name, text in texts.items():
        (target / f"{name}.md").write_text(relink.relinked(text, texts.keys()), encoding="utf-8")


def _navigation() -> str:
    """A table of contents for each group; Sphinx shows them beside every page."""
    trees = (
        f":caption: {group}\n:hidden:\n\n"
        + "\n".join(f"{title} <{name}>" for name, title in titles.items())
        for group, titles in GROUPS.items()
    )
    return "".join(f"\n```{{toctree}}\n{tree}\n```\n" for tree in trees)


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
