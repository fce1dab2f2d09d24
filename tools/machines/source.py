"""Read machine types from the source of a release of QEMU, through its own macros.

The C preprocessor expands them, including the arithmetic by which a release leaves out its oldest
machine types. Generated headers and those of other projects declare no machine types and are left
out.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.machines.declared import machines

#: Folders of QEMU that are needed.
_FOLDERS = ("hw", "include")
#: Matches files that declare machine types.
_DECLARES = re.compile(r"MACHINE_TYPE_NAME|DEFINE_\w*MACHINE|TYPE_\w*MACHINE")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)")?.*$', re.MULTILINE)
_OTHER_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(?:error|pragma)\b.*$", re.MULTILINE)
_CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:el)?if\w*\b(.*)$", re.MULTILINE)
#: Symbols in conditions that differ between targets or builds.
_SYMBOL = re.compile(r"\b(?:CONFIG|TARGET)_\w+")

#: Replaces the headers of glib.
_GLIB = "-DGLIB_CHECK_VERSION(major, minor, micro)=1"
#: Headers with the macros, which some files include through a header that is left out.
_HEADERS = ("hw/boards.h", "hw/core/boards.h", "qom/object.h")

#: Name of a machine type, and the folder of `hw` that declares it.
Declared = tuple[str, str]


def releases(repository: Path, revision: str, first: str) -> dict[str, str]:
    """The commits of the releases in a history of QEMU, by release.

    Args:
        repository: a git directory.
        revision: whose history.
        first: the first release to include, such as `9.0`.

    Returns:
        The commit of each `X.Y.0`, by `X.Y`, in order.
    """
    found: dict[str, str] = {}
    for commit in _git(repository, "log", "--format=%H", revision, "--", "VERSION").split():
        version = _git(repository, "show", f"{commit}:VERSION").strip()
        release, _, patch_level = version.rpartition(".")
        if patch_level == "0":
            found[release] = commit
            if release == first:
                break
    return dict(reversed(found.items()))


def declared(repository: Path, commit: str) -> set[Declared]:
    """The machine types that a commit registers, for any target and with any option."""
    with tempfile.TemporaryDirectory(prefix="mappedram-machines-") as folder:
        tree = Path(folder)
        archive = tree / "archive.tar"
        _git(repository, "archive", f"--output={archive}", commit, "VERSION", *_FOLDERS)
        subprocess.run(["tar", "-x", "-f", archive, "-C", tree], check=True)
        return set(_of_tree(tree))


def _of_tree(tree: Path) -> Iterator[Declared]:
    for path in tree.rglob("*.[ch]*"):
        path.write_text(_stripped(path, tree), encoding="utf-8")
    files = [
        path
        for path in sorted((tree / "hw").rglob("*.c"))
        if _DECLARES.search(path.read_text(encoding="utf-8"))
    ]
    symbols = sorted({symbol for path in files for symbol in _symbols(path)})
    for path in files:
        folder = path.relative_to(tree / "hw").parts[0]
        # Code under a condition, and code under its opposite.
        for options in ([f"-D{symbol}=1" for symbol in symbols], []):
            for machine in machines(_preprocessed(path, tree, options)):
                yield machine, folder


def _stripped(path: Path, tree: Path) -> str:
    """A file without lines that the preprocessor would fail on."""

    def include(match: re.Match[str]) -> str:
        name = match[1]
        is_here = name and ((path.parent / name).exists() or (tree / "include" / name).exists())
        return match[0] if is_here else ""

    text = path.read_text(encoding="utf-8", errors="replace")
    return _OTHER_DIRECTIVE.sub("", _INCLUDE.sub(include, text))


def _symbols(path: Path) -> set[str]:
    conditions = _CONDITION.findall(path.read_text(encoding="utf-8"))
    return {symbol for condition in conditions for symbol in _SYMBOL.findall(condition)}


def _preprocessed(path: Path, tree: Path, options: list[str]) -> str:
    numbers = (tree / "VERSION").read_text(encoding="utf-8").strip().split(".")
    version = [
        f"-DQEMU_VERSION_{name}={number}"
        for name, number in zip(("MAJOR", "MINOR", "MICRO"), numbers, strict=True)
    ]
    headers = [f"-include{name}" for name in _HEADERS if (tree / "include" / name).exists()]
    options = [_GLIB, "-Iinclude", *headers, *version, *options]
    return subprocess.run(
        ["cc", "-E", "-P", "-undef", "-nostdinc", *options, path],
        cwd=tree,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", f"--git-dir={repository}", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
